"""One metric of every group of one attribute."""

from __future__ import annotations

import streamlit as st

from dashboards import shell

st.title("Groups", anchor=False)
