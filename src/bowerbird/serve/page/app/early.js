// Before the first paint: the theme that was chosen, so that no light page flashes at night; and another try
// where a module of the page could not be loaded.
try {
  const theme = localStorage.getItem("bowerbird.theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch { /* no storage here: the system's theme */ }
addEventListener("error", ({ target }) => {
  if (target.type !== "module") return;
  try {
    if (Date.now() - Number(sessionStorage.getItem("bowerbird.retried")) < 10_000) return;
    sessionStorage.setItem("bowerbird.retried", Date.now());
    setTimeout(() => location.reload(), 1000);
  } catch { /* no storage: it would be tried for ever */ }
}, true);
