"""The report of the demo: one self-contained HTML file from plain dataclasses."""

from bowerbird.report.contents import BenchGroup, Card, DemoReport, InterestChart, ShopperPanel, Turn
from bowerbird.report.demo_page import render_report

__all__ = ["BenchGroup", "Card", "DemoReport", "InterestChart", "ShopperPanel", "Turn", "render_report"]
