// The canvas in the screen's own pixels: the browser must not scale it a second time.

import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";
import type { Size } from "./place";

export function useCanvasSize(canvas: RefObject<HTMLCanvasElement | null>): Size {
  const size = useSignal<Size>({ width: 1, height: 1 });
  useLayoutEffect(() => {
    const element = canvas.current!;
    const measure = () => {
      const width = Math.max(1, Math.round(element.clientWidth * devicePixelRatio));
      const height = Math.max(1, Math.round(element.clientHeight * devicePixelRatio));
      if (width !== size.value.width || height !== size.value.height) size.value = { width, height };
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return size.value;
}
