// A call of the server as a value of a view: loading, then data or an error, and a way to try again.
import { useCallback, useEffect, useState } from "../html.js";

export function useCall(work, dependencies) {
  const [state, setState] = useState({ data: null, error: null, isLoading: true });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    setState((before) => ({ ...before, error: null, isLoading: true }));
    work().then(
      (data) => isCurrent && setState({ data, error: null, isLoading: false }),
      (error) => isCurrent && setState((before) => ({ ...before, error, isLoading: false })),
    );
    return () => { isCurrent = false; };
  }, [...dependencies, attempt]);
  const retry = useCallback(() => setAttempt((count) => count + 1), []);
  return { ...state, retry };
}
