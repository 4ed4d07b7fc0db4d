// An image as raw samples, and its way onto a canvas through a window.

import type { Item } from "../server/types";
import { get8BitPicture } from "./picture";
import { Away, getBytes, SignedOut } from "../server/request";

export type Samples = Uint8Array | Uint8ClampedArray | Uint16Array | Float32Array;

/** Samples at or below `low` are black, at or above `high` white. */
export interface Window {
  low: number;
  high: number;
}

export interface Frame {
  width: number;
  height: number;
  channels: number;
  bits: number;
  samples: Samples;
  /** The window that the file asks for, else the range of the data. */
  asked: Window;
  /** Painted pictures of this frame, so that the next image is there at once. */
  painted: { key: string; canvas: HTMLCanvasElement } | null;
  windows: Partial<Record<string, Window>>;
}

const MAGIC = 0x4c465746;
const HEADER_BYTES = 32;
const WINDOW_BYTES = 8;

/** The samples as stored; where they cannot be had, the 8-bit picture. */
export async function loadFrame(item: Pick<Item, "pixels" | "image">): Promise<Frame> {
  try {
    return readFrame(await getBytes(item.pixels));
  } catch (error) {
    if (error instanceof Away || error instanceof SignedOut) throw error;
    return get8BitPicture(item.image);
  }
}

export function readFrame(buffer: ArrayBuffer): Frame {
  const view = new DataView(buffer);
  if (view.getUint32(0, true) !== MAGIC) throw new Error("these are not samples");
  const [width, height, channels, bits] = [4, 8, 12, 16].map((at) => view.getUint32(at, true));
  const count = width! * height! * channels!;
  const start = HEADER_BYTES + WINDOW_BYTES;
  return {
    width: width!,
    height: height!,
    channels: channels!,
    bits: bits!,
    samples: samplesOf(buffer, start, count, bits!),
    asked: {
      low: view.getFloat32(HEADER_BYTES, true),
      high: view.getFloat32(HEADER_BYTES + 4, true),
    },
    painted: null,
    windows: {},
  };
}

// Every browser's machine is little-endian, as the samples are.
function samplesOf(buffer: ArrayBuffer, start: number, count: number, bits: number): Samples {
  if (bits === 8) return new Uint8Array(buffer, start, count);
  if (bits === 16) return new Uint16Array(buffer, start, count);
  return new Float32Array(buffer, start, count);
}

/** The frame in the window's greys or colours, one pixel a sample. */
export function paint(frame: Frame, window: Window, isInverted: boolean): HTMLCanvasElement {
  const key = `${window.low} ${window.high} ${isInverted}`;
  if (frame.painted?.key === key) return frame.painted.canvas;
  const canvas = frame.painted?.canvas ?? document.createElement("canvas");
  canvas.width = frame.width;
  canvas.height = frame.height;
  const picture = new ImageData(frame.width, frame.height);
  fill(new Uint32Array(picture.data.buffer), frame, window, isInverted);
  canvas.getContext("2d")!.putImageData(picture, 0, 0);
  frame.painted = { key, canvas };
  return canvas;
}

function fill(rgba: Uint32Array, frame: Frame, window: Window, isInverted: boolean): void {
  const { samples, channels } = frame;
  const shade = shades(frame, window, isInverted);
  if (channels < 3) {
    for (let i = 0, at = 0; i < rgba.length; i++, at += channels) {
      const grey = shade(samples[at]!);
      rgba[i] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
    return;
  }
  for (let i = 0, at = 0; i < rgba.length; i++, at += channels) {
    const [red, green, blue] = [samples[at]!, samples[at + 1]!, samples[at + 2]!];
    rgba[i] = 0xff000000 | (shade(blue) << 16) | (shade(green) << 8) | shade(red);
  }
}

/** Maps a sample to 0..255: by a table for whole numbers, by sum for others. */
function shades(frame: Frame, { low, high }: Window, isInverted: boolean) {
  const scale = 255 / Math.max(high - low, 1e-12);
  const flip = isInverted ? 255 : 0;
  const one = (sample: number) => {
    const grey = (sample - low) * scale + 0.5;
    return (grey > 255 ? 255 : grey > 0 ? grey | 0 : 0) ^ flip;
  };
  if (frame.bits > 16) return one;
  const table = Uint8Array.from({ length: 1 << frame.bits }, (_, sample) => one(sample));
  return (sample: number) => table[sample]!;
}
