// Control characters, and those that turn the direction of writing: what could move a cursor or forge a line.
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const forging = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** Words of others (a description, a server's title) as they may be shown on a terminal: one line, nothing hidden. */
export const printable = (text: string): string => text.replaceAll(forging, '?')
