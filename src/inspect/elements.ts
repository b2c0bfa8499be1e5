/** A picture before it is text: an element's name, its attributes, and what is in it. As the serializer reads it. */
export type Element = readonly [name: string, attributes: Attributes, ...content: Content[]];
export type Content = Element | string | null;
export type Attributes = Readonly<Record<string, string | number>>;
