"""Views of the pages of the dashboard, which draws them and computes nothing."""
