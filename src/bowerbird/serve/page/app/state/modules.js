// Modules that come later. A failure is mostly a moment of a bad connection: each is tried twice.
const PAUSE_MS = 1000;

export async function loadModule(from) {
  try {
    return await from();
  } catch {
    await new Promise((done) => { setTimeout(done, PAUSE_MS); });
    return from();
  }
}
