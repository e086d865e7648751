import { Unreadable } from '../unreadable.js'
import { tokensOf } from './tokens.js'

/** What a configuration says. Lists and arrays are the same to us. */
export type Setting = string | number | boolean | readonly Setting[] | SettingGroup
export type SettingGroup = ReadonlyMap<string, Setting>

const MOST_DEPTH = 16
// Comments, strings, punctuation, words and numbers; each alternative decides by its first characters.
const tokenShape =
  /\s+|#[^\n]*|\/\/[^\n]*|\/\*(?:[^*]|\*(?!\/))*\*\/|"(?:[^"\\]|\\[^])*"|[{}()[\]=:;,]|[A-Za-z*][\w*-]*|[+-]?[0-9.][\w.+-]*/y

/** A configuration in the language of libconfig. @throws Unreadable. @see libconfig manual, chapter 2, "Configuration Files" */
export function readLibconfig(text: string): SettingGroup {
  return new Parser(tokensOf(text, tokenShape, whyNot(text))).document()
}

export const isGroup = (setting: Setting | undefined): setting is SettingGroup => setting instanceof Map

/** What an include would bring in lies on the device, or hides what follows from us. */
const whyNot =
  (text: string) =>
  (at: number): Unreadable =>
    new Unreadable(
      text.startsWith('@include', at) ? 'its description includes a file' : `not understood from character ${at} on`,
    )

class Parser {
  private at = 0
  constructor(private readonly tokens: readonly string[]) {}

  document(): SettingGroup {
    const group = this.settings(() => this.at === this.tokens.length, 0)
    return group
  }

  private settings(isAtEnd: () => boolean, depth: number): SettingGroup {
    if (depth > MOST_DEPTH) throw new Unreadable('its description is nested too deep')
    const group = new Map<string, Setting>()
    while (!isAtEnd()) {
      const name = this.next()
      const sign = this.next()
      if (!/^[A-Za-z*]/.test(name) || (sign !== '=' && sign !== ':')) throw new Unreadable(`"${name}" is no setting`)
      if (group.has(name)) throw new Unreadable(`"${name}" is set twice`)
      group.set(name, this.value(depth))
      while (this.peek() === ';' || this.peek() === ',') this.at += 1
    }
    return group
  }

  private value(depth: number): Setting {
    const token = this.next()
    if (token === '{') {
      const group = this.settings(() => this.peek() === '}', depth + 1)
      this.at += 1
      return group
    }
    if (token === '(' || token === '[') return this.list(token === '(' ? ')' : ']', depth + 1)
    if (token.startsWith('"')) return this.string(token)
    if (/^(true|false)$/i.test(token)) return token.toLowerCase() === 'true'
    const number = Number(token.replace(/L+$/, ''))
    if (Number.isNaN(number)) throw new Unreadable(`"${token.slice(0, 32)}" is no value`)
    return number
  }

  private list(end: string, depth: number): Setting[] {
    if (depth > MOST_DEPTH) throw new Unreadable('its description is nested too deep')
    const items: Setting[] = []
    while (this.peek() !== end) {
      items.push(this.value(depth))
      if (this.peek() === ',') this.at += 1
    }
    this.at += 1
    return items
  }

  /** Strings that follow each other are one. */
  private string(first: string): string {
    let text = unquote(first)
    while (this.peek()?.startsWith('"') === true) text += unquote(this.next())
    return text
  }

  private peek(): string | undefined {
    return this.tokens[this.at]
  }

  private next(): string {
    const token = this.tokens[this.at]
    if (token === undefined) throw new Unreadable('its description ends too early')
    this.at += 1
    return token
  }
}

const escapes = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['f', '\f'],
])
const unquote = (token: string): string =>
  token
    .slice(1, -1)
    .replaceAll(/\\(x[0-9a-fA-F]{2}|[^])/g, (_, code: string) =>
      code.length === 3 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (escapes.get(code) ?? code),
    )
