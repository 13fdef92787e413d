// Elements are made by calls and texts are text nodes: no HTML is ever parsed, so none can be injected.

export type Child = Node | string | false | null | undefined;

type Handlers = { [Name in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[Name]) => void };

export interface Properties {
  readonly [attribute: string]: string | number | boolean | undefined | Handlers;
  readonly on?: Handlers;
}

/** An element with attributes (`true` is an empty one, `false` and `undefined` none), handlers and children. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  const { on = {}, ...attributes } = properties;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [name, handler] of Object.entries(on)) element.addEventListener(name, handler as EventListener);
  for (const child of children) if (child) element.append(child);
  return element;
}

// Drawn on a grid of 24 by 24, stroked by CSS.
const ICONS = {
  arrowDown: "M12 5v14M6 13l6 6 6-6",
  check: "M5 13l4.500 4.500L19 7",
  chevron: "M9 6l6 6-6 6",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  menu: "M4 7h16M4 12h16M4 17h16",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  plus: "M12 5v14M5 12h14",
  retry: "M20 12a8 8 0 1 1-2.400-5.700M20 4v4h-4",
  search: "M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15.500 15.500L20 20",
  send: "M12 19V5M6 11l6-6 6 6",
  settings: "M4 8h9M19 8h1M16 5.500v5M4 16h1M11 16h9M8 13.500v5",
  stop: "M7 7h10v10H7z",
  tool: "M14 7a4 4 0 0 1 5.500-2.500L16.500 7.500v2h2l2.500-2.500A4 4 0 0 1 15 12l-7.500 7.500a2 2 0 0 1-3-3L12 9a4 4 0 0 1 2-2z",
} as const;

export type IconName = keyof typeof ICONS;

/** A drawing for the eye only; whatever holds it has a name of its own. */
export function icon(name: IconName): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button of which only the drawing is seen. */
export function iconButton(name: IconName, label: string, act: () => void, properties: Properties = {}): HTMLButtonElement {
  return h(
    "button",
    { type: "button", class: "icon-button", "aria-label": label, title: label, on: { click: act }, ...properties },
    icon(name),
  );
}

/** A button with words. */
export function textButton(label: string, act: () => void, properties: Properties = {}): HTMLButtonElement {
  return h("button", { type: "button", class: "button", on: { click: act }, ...properties }, label);
}
