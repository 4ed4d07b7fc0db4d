// Hand on the canvas: wheel and pinch zoom, drag pans, the right button sets the window.

export interface Hands {
  zoom: (factor: number, x: number, y: number) => void;
  pan: (dx: number, dy: number) => void;
  /** Sideways for the width, up and down for the level, in shares of the canvas. */
  window: (across: number, down: number) => void;
  /** Whether a plain drag sets the window, for hands without a right button. */
  dragsWindow: () => boolean;
}

/** Listens on the canvas; positions are screen pixels from its middle. Returns how to stop. */
export function listen(canvas: HTMLCanvasElement, hands: Hands): () => void {
  const down = new Map<number, PointerEvent>();
  const stop = new AbortController();
  const { signal } = stop;
  const ratio = () => canvas.width / Math.max(1, canvas.clientWidth);
  const fromMiddle = (clientX: number, clientY: number) => {
    const box = canvas.getBoundingClientRect();
    return {
      x: (clientX - box.left - box.width / 2) * ratio(),
      y: (clientY - box.top - box.height / 2) * ratio(),
    };
  };
  const spread = () => {
    const [a, b] = [...down.values()];
    return a && b ? Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) : 0;
  };

  canvas.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const { x, y } = fromMiddle(event.clientX, event.clientY);
      hands.zoom(event.deltaY < 0 ? 1.25 : 0.8, x, y);
    },
    { signal, passive: false },
  );
  canvas.addEventListener(
    "pointerdown",
    (event) => {
      down.set(event.pointerId, event);
      canvas.setPointerCapture(event.pointerId);
    },
    { signal },
  );
  canvas.addEventListener(
    "pointermove",
    (event) => {
      const last = down.get(event.pointerId);
      if (!last) return;
      const [dx, dy] = [event.clientX - last.clientX, event.clientY - last.clientY];
      const before = spread();
      if (down.size === 2) {
        // Small moves add up until they are a step.
        const other = [...down.entries()].find(([id]) => id !== event.pointerId)![1];
        const now = Math.hypot(event.clientX - other.clientX, event.clientY - other.clientY);
        if (Math.abs(now / before - 1) < 0.06) return;
        const middle = fromMiddle(
          (event.clientX + other.clientX) / 2,
          (event.clientY + other.clientY) / 2,
        );
        hands.zoom(now / before, middle.x, middle.y);
      } else if (event.buttons & 2 || hands.dragsWindow()) {
        hands.window(dx / canvas.clientWidth, dy / canvas.clientHeight);
      } else {
        hands.pan(dx * ratio(), dy * ratio());
      }
      down.set(event.pointerId, event);
    },
    { signal },
  );
  for (const end of ["pointerup", "pointercancel"] as const) {
    canvas.addEventListener(end, (event) => down.delete(event.pointerId), { signal });
  }
  return () => stop.abort();
}
