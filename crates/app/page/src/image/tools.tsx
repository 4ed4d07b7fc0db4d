// The row of tools below an image.

import { useSignal, type Signal } from "@preact/signals";
import { Icon } from "../shell/icon";
import type { Frame } from "./frame";
import { isSmooth } from "./smooth";
import type { ImageActs } from "./use-image-keys";
import { WindowPanel } from "./window-panel";
import { isInverted } from "./windows";

interface Props {
  act: ImageActs;
  frame: Frame | null;
  isZoomed: boolean;
  dragsWindow: Signal<boolean>;
}

export function Tools({ act, frame, isZoomed, dragsWindow }: Props) {
  const isOpen = useSignal(false);
  return (
    <>
      <div class="tools" role="toolbar" aria-label="View of the image">
        <Tool icon="zoom-in" name="Enlarge" keys="+" onClick={() => act.zoom(1.25)} />
        <Tool icon="zoom-out" name="Shrink" keys="-" onClick={() => act.zoom(0.8)} />
        <Tool icon="smooth" name="Smooth" keys="S" isOn={isSmooth.value} onClick={act.smooth} />
        <Tool icon="invert" name="Invert" keys="I" isOn={isInverted.value} onClick={act.invert} />
        <Tool
          icon="window"
          name="Window"
          keys="W"
          isOpen={isOpen.value}
          onClick={() => (isOpen.value = !isOpen.value)}
        />
        <Tool icon="reset" name="Reset" keys="R" onClick={act.reset} />
        <span class="visually-hidden">{isZoomed ? "The image is enlarged." : ""}</span>
      </div>
      {isOpen.value && frame && <WindowPanel frame={frame} dragsWindow={dragsWindow} />}
    </>
  );
}

interface ToolProps {
  icon: string;
  name: string;
  keys: string;
  isOn?: boolean;
  isOpen?: boolean;
  onClick: () => void;
}

function Tool({ icon, name, keys, isOn, isOpen, onClick }: ToolProps) {
  return (
    <button
      type="button"
      class="tool"
      aria-pressed={isOn}
      aria-expanded={isOpen}
      title={`${name} (${keys})`}
      onClick={onClick}
    >
      <Icon name={icon} />
      <span class="tool-name">{name}</span>
      <kbd aria-hidden="true">{keys}</kbd>
    </button>
  );
}
