"""The demo world: a synthetic shop with computer-drawn products and simulated users."""

from bowerbird.demo.world import DemoConfig, DemoFiles, Truth, read_truth, write_demo_world

__all__ = ["DemoConfig", "DemoFiles", "Truth", "read_truth", "write_demo_world"]
