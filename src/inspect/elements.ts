/** An element of a picture or page before it is serialized: its name, its attributes and its content. */
export type Element = readonly [name: string, attributes: Attributes, ...content: Content[]];
/** A child element or a text; `null` stands for no content. */
export type Content = Element | string | null;
export type Attributes = Readonly<Record<string, string | number>>;
