// A menu at a button.

import { h } from "../dom";

export interface Item {
  readonly label: string;
  readonly act: () => void;
  readonly danger?: boolean;
}

/** Opens a menu below a button; it closes by itself, and the button has the focus again. */
export function openMenu(button: HTMLElement, items: readonly Item[]): void {
  const buttons = items.map(({ label, act, danger }) =>
    h(
      "button",
      { type: "button", role: "menuitem", class: danger ? "menu-item danger" : "menu-item", on: { click: () => (close(), act()) } },
      label,
    ),
  );
  const label = button.getAttribute("aria-label") ?? "";
  const menu = h("div", { class: "menu", role: "menu", popover: "auto", "aria-label": label }, ...buttons);
  const close = () => menu.hidePopover();
  menu.addEventListener("toggle", (event) => {
    if ((event as ToggleEvent).newState === "open") return;
    if (menu.contains(document.activeElement)) button.focus();
    button.setAttribute("aria-expanded", "false");
    menu.remove();
  });
  menu.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + buttons.length, Home: 0, End: -1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      buttons.at(to === -1 ? -1 : to % buttons.length)?.focus();
    }
    if (event.key === "Tab") close();
  });
  button.after(menu);
  menu.showPopover();
  place(menu, button.getBoundingClientRect());
  button.setAttribute("aria-expanded", "true");
  buttons[0]?.focus();
}

function place(menu: HTMLElement, at: DOMRect): void {
  const { width, height } = menu.getBoundingClientRect();
  const isRightToLeft = document.documentElement.dir === "rtl";
  const left = isRightToLeft ? at.left : at.right - width;
  const below = at.bottom + height + 8 < innerHeight;
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  menu.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - height - 4)}px`;
}
