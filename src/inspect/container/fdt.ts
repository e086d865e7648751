import type { Reader } from '../reader.js'
import { documentText } from '../text.js'
import { Unreadable } from '../unreadable.js'

// Devicetree Specification v0.4, chapter 5 "Flattened Devicetree (DTB) Format". Big endian.
const MAGIC = 0xd00dfeed
const HEADER_BYTES = 40
const MOST_NODES = 2_048
const MOST_PROPERTIES = 16_384
const MOST_DEPTH = 16
const VALUE_LIMIT_BYTES = 65_536
const STRINGS_LIMIT_BYTES = 65_536
const NAME_LIMIT_BYTES = 256
export const [BEGIN_NODE, END_NODE, PROPERTY, NOP, END] = [1, 2, 3, 4, 9] as const

export interface FdtValue {
  readonly at: number
  readonly bytes: number
}

export class FdtNode {
  readonly properties = new Map<string, FdtValue>()
  readonly children: FdtNode[] = []
  constructor(
    readonly name: string,
    readonly path: string,
  ) {}

  child(name: string): FdtNode | undefined {
    return this.children.find((each) => each.name === name)
  }
}

/** One token of the structure block, where it starts and ends. */
export interface FdtToken {
  readonly tag: number
  readonly at: number
  readonly end: number
  /** Of a node that begins, or of a property. */
  readonly name: string
  readonly value: FdtValue
}

/** A device tree blob, walked in place: values stay where they are until they are asked for. */
export class Fdt {
  readonly totalBytes: number
  readonly stringsAt: number
  private readonly structAt: number
  private readonly structEnd: number
  private readonly strings: Uint8Array

  /** @throws Unreadable for a header that is none. */
  constructor(private readonly reader: Reader) {
    const view = reader.view(0, HEADER_BYTES)
    if (view.getUint32(0) !== MAGIC) throw new Unreadable('it is no device tree')
    this.totalBytes = view.getUint32(4)
    this.structAt = view.getUint32(8)
    this.stringsAt = view.getUint32(12)
    this.structEnd = this.structAt + view.getUint32(36)
    const stringsBytes = view.getUint32(32)
    if (Math.max(this.totalBytes, this.structEnd, this.stringsAt + stringsBytes) > reader.sizeBytes)
      throw new Unreadable(`truncated: its header claims ${this.totalBytes} bytes`)
    if (stringsBytes > STRINGS_LIMIT_BYTES) throw new Unreadable(`its names claim ${stringsBytes} bytes`)
    this.strings = reader.bytes(this.stringsAt, stringsBytes)
  }

  static isOne(reader: Reader): boolean {
    return reader.view(0, HEADER_BYTES).getUint32(0) === MAGIC
  }

  /** @throws Unreadable when its parts do not fit into each other, or are too many. */
  *tokens(): Generator<FdtToken> {
    for (let at = this.structAt, tag = 0; tag !== END;) {
      const token = this.token(at)
      ;({ tag, end: at } = token)
      yield token
    }
  }

  private token(at: number): FdtToken {
    if (at + 4 > this.structEnd) throw new Unreadable('its structure has no end')
    const tag = this.reader.view(at, 4).getUint32(0)
    const bare = { tag, at, end: at + 4, name: '', value: { at: 0, bytes: 0 } }
    if (tag === BEGIN_NODE) {
      const bytes = this.reader.head(at + 4, Math.min(NAME_LIMIT_BYTES, this.structEnd - at - 4))
      const length = bytes.indexOf(0)
      if (length === -1) throw new Unreadable('a node has a name without end')
      return { ...bare, end: align(at + 4 + length + 1), name: documentText(bytes.subarray(0, length)) }
    }
    if (tag === PROPERTY) {
      const view = this.reader.view(at + 4, 8)
      const value = { at: at + 12, bytes: view.getUint32(0) }
      if (value.at + value.bytes > this.structEnd) throw new Unreadable('a property reaches beyond the structure')
      return { ...bare, end: align(value.at + value.bytes), name: this.string(view.getUint32(4)), value }
    }
    if (tag !== END_NODE && tag !== NOP && tag !== END) throw new Unreadable(`a token of no known kind: ${tag}`)
    return bare
  }

  private string(at: number): string {
    const end = this.strings.indexOf(0, at)
    if (at >= this.strings.length || end === -1) throw new Unreadable('a property has no name')
    return documentText(this.strings.subarray(at, Math.min(end, at + NAME_LIMIT_BYTES)))
  }

  root(): FdtNode {
    const tree = new TreeBuilder()
    for (const token of this.tokens()) tree.take(token)
    return tree.finish()
  }

  /** @returns the bytes of a small value; null when it is absent. */
  bytes(node: FdtNode, name: string): Uint8Array | null {
    const value = node.properties.get(name)
    if (value === undefined) return null
    if (value.bytes > VALUE_LIMIT_BYTES) throw new Unreadable(`${name} of ${node.path} claims ${value.bytes} bytes`)
    return this.reader.bytes(value.at, value.bytes)
  }

  /** Texts one after the other, each ended by NUL. */
  texts(node: FdtNode, name: string): string[] {
    const bytes = this.bytes(node, name)
    if (bytes === null) return []
    return documentText(bytes)
      .split('\0')
      .filter((text) => text !== '')
  }

  text(node: FdtNode, name: string): string | null {
    return this.texts(node, name)[0] ?? null
  }

  number(node: FdtNode, name: string): number | null {
    const bytes = this.bytes(node, name)
    if (bytes === null || bytes.length < 4) return null
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  }
}

class TreeBuilder {
  private readonly root = new FdtNode('', '')
  private readonly open: FdtNode[] = []
  private nodes = 0
  private properties = 0

  take({ tag, name, value }: FdtToken): void {
    if (tag === BEGIN_NODE) this.enter(name)
    else if (tag === END_NODE) this.open.pop()
    else if (tag === PROPERTY) {
      this.properties += 1
      const node = this.open.at(-1)
      if (node === undefined || this.properties > MOST_PROPERTIES) throw new Unreadable('it has too many properties')
      // libfdt takes the first of a name, and sees none behind a node.
      if (node.properties.has(name) || node.children.length > 0)
        throw new Unreadable(`${name} of ${node.path} is there twice, or behind a node`)
      node.properties.set(name, value)
    }
  }

  private enter(name: string): void {
    this.nodes += 1
    if (this.nodes > MOST_NODES || this.open.length > MOST_DEPTH) throw new Unreadable('it has too many nodes')
    const parent = this.open.at(-1)
    if (parent === undefined && this.nodes > 1) throw new Unreadable('it has two roots')
    if (parent?.children.some((each) => isSameName(each.name, name)) === true)
      throw new Unreadable(`${parent.path}/${name} is there twice`)
    const node = parent === undefined ? this.root : new FdtNode(name, `${parent.path}/${name}`)
    parent?.children.push(node)
    this.open.push(node)
  }

  finish(): FdtNode {
    if (this.open.length > 0) throw new Unreadable('a node does not end')
    return this.root
  }
}

/** libfdt takes `kernel@1` for `kernel` when it comes first. */
const isSameName = (a: string, b: string): boolean => a === b || a.split('@')[0] === b || b.split('@')[0] === a

export const align = (at: number): number => Math.ceil(at / 4) * 4
