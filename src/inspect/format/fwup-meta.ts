import { tokensOf } from '../container/tokens.js'
import { Unreadable } from '../unreadable.js'

/** `meta.conf`, as far as it describes: settings of the top level, and those of each file resource. */
export interface MetaConf {
  readonly settings: ReadonlyMap<string, string>
  readonly resources: ReadonlyMap<string, ReadonlyMap<string, string>>
}

const MOST_RESOURCES = 1_024
const MOST_DEPTH = 16
// Strings, punctuation, and words that are neither; each alternative decides by its first character.
const tokenShape = /\s+|"(?:[^"\\]|\\[^])*"|[{}=,]|\+=|[^\s"'{}=,+()#/;]+(?:[/+][^\s"'{}=,+()#/;*]+)*/y

/**
 * The language of libconfuse, as far as fwup itself writes it: settings, lists and sections, and no comments, which would hide
 * from one reader what another takes.
 * @throws Unreadable for anything else, and for a setting that comes twice. @see libconfuse, "The configuration file format"
 */
export function readMetaConf(text: string): MetaConf {
  const whyNot = (at: number): Unreadable => new Unreadable(`meta.conf is not understood from character ${at} on`)
  return new Parser(tokensOf(text, tokenShape, whyNot)).document()
}

type Settings = Map<string, string>

class Parser {
  private at = 0
  private readonly resources = new Map<string, Settings>()

  constructor(private readonly tokens: readonly string[]) {}

  document(): MetaConf {
    const settings: Settings = new Map()
    while (this.at < this.tokens.length) this.entry(settings, 0)
    return { settings, resources: this.resources }
  }

  /** @param settings where to put what is set; null inside of what is passed over. */
  private entry(settings: Settings | null, depth: number): void {
    const name = this.next()
    if (!/^[A-Za-z][\w-]*$/.test(name) || depth > MOST_DEPTH)
      throw new Unreadable(`meta.conf has no setting at ${name}`)
    const sign = this.next()
    if (sign === '=' || sign === '+=') {
      const value = this.value()
      if (settings === null) return
      if (settings.has(name) || sign === '+=') throw new Unreadable(`meta.conf says ${name} twice`)
      settings.set(name, value === '{' ? '' : unquote(value))
    } else this.section(name, sign, depth)
  }

  private section(name: string, title: string, depth: number): void {
    if (title !== '{' && this.next() !== '{') throw new Unreadable(`meta.conf has no setting at ${name}`)
    const inside = name === 'file-resource' && depth === 0 ? this.resource(unquote(title)) : null
    while (this.tokens[this.at] !== '}') this.entry(inside, depth + 1)
    this.at += 1
  }

  private resource(name: string): Settings {
    const settings: Settings = new Map()
    if (this.resources.has(name)) throw new Unreadable(`meta.conf says resource ${name} twice`)
    if (this.resources.size === MOST_RESOURCES) throw new Unreadable('meta.conf has too many resources')
    this.resources.set(name, settings)
    return settings
  }

  /** A list is passed over: nothing that is read here is one. */
  private value(): string {
    const first = this.next()
    if (/^(?:[}=,]|\+=)$/.test(first)) throw new Unreadable(`meta.conf has no value at ${first}`)
    if (first === '{') while (this.next() !== '}') continue
    return first
  }

  private next(): string {
    const token = this.tokens[this.at]
    if (token === undefined) throw new Unreadable('meta.conf ends too early')
    this.at += 1
    return token
  }
}

/** fwup escapes quotes and backslashes alone; what stands in `${}` comes from the device. */
function unquote(token: string): string {
  if (/\$\{|\\[^"\\]/.test(token)) throw new Unreadable(`meta.conf has an escape in ${token}`)
  return token.replace(/^"([^]*)"$/, '$1').replaceAll(/\\([^])/g, '$1')
}
