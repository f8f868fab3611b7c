"""The server of the dashboard: the page of app.py behind a guard. Started by `audit dashboard`."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from audit.system.guard import SECRET_VARIABLE, Guard

app = st.App(Path(__file__).with_name("app.py"), middleware=[Middleware(Guard, token=os.environ[SECRET_VARIABLE])])
