// Before the first paint: the theme that was chosen, so that no light page flashes at night.
try {
  const theme = localStorage.getItem("bowerbird.theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch { /* no storage here: the system's theme */ }
