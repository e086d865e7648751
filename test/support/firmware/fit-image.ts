import { createHash, sign } from 'node:crypto'
import { concat, utf8 } from '../../../src/domain/bytes.js'
import { big, filledTo, type SignatureKey } from './sample.js'

type Property = string | number | Uint8Array
/** As a list of entries a node can have a name twice. */
type Node = NamedNode | Entries
interface NamedNode {
  readonly [name: string]: Property | Node
}
interface Entries extends ReadonlyArray<readonly [name: string, value: Property | Node]> {}

const isNode = (value: Property | Node): value is Node => typeof value === 'object' && !(value instanceof Uint8Array)
const isList = (node: Node): node is Entries => Array.isArray(node)

/** A device tree blob of version 17 (Devicetree Specification, chapter 5). */
export function makeFdt(root: Node): Uint8Array {
  const names: string[] = []
  const struct = concat(node('', root, names), big([4, 9]))
  const strings = utf8(names.map((name) => `${name}\0`).join(''))
  const structAt = 40 + 16
  const stringsAt = structAt + struct.length
  const total = stringsAt + strings.length
  const header = big(
    ...[0xd00dfeed, total, structAt, stringsAt, 40, 17, 16, 0, strings.length, struct.length].map(
      (value) => [4, value] as const,
    ),
  )
  return concat(header, new Uint8Array(16), struct, strings)
}

function node(name: string, content: Node, names: string[]): Uint8Array {
  const parts = [big([4, 1]), filledTo(utf8(`${name}\0`), 4)]
  for (const [key, value] of isList(content) ? content : Object.entries(content)) {
    if (isNode(value)) {
      parts.push(node(key, value, names))
      continue
    }
    if (!names.includes(key)) names.push(key)
    const before = names.slice(0, names.indexOf(key)).reduce((sum, each) => sum + each.length + 1, 0)
    const bytes = typeof value === 'string' ? utf8(`${value}\0`) : typeof value === 'number' ? big([4, value]) : value
    parts.push(big([4, 3], [4, bytes.length], [4, before]), filledTo(bytes, 4))
  }
  return concat(...parts, big([4, 2]))
}

/** A FIT with one kernel: its data inside or behind the tree, its hash, perhaps its own signature. */
export function makeFit(payload: Uint8Array, signer?: SignatureKey, isOutside = false): Uint8Array {
  const signature: Node =
    signer === undefined
      ? {}
      : { 'signature-1': { algo: 'sha256,rsa2048', value: new Uint8Array(sign('sha256', payload, signer.privateKey)) } }
  const place: Node = isOutside ? { 'data-offset': 0, 'data-size': payload.length } : { data: payload }
  const tree = makeFdt({
    description: 'gateway 1.4.0',
    images: {
      kernel: {
        arch: 'arm64',
        ...place,
        'hash-1': { algo: 'sha256', value: new Uint8Array(createHash('sha256').update(payload).digest()) },
        ...signature,
      },
    },
    configurations: { default: 'conf-1', 'conf-1': { compatible: 'gateway-b', kernel: 'kernel' } },
  })
  return isOutside ? concat(filledTo(tree, 4), payload) : tree
}
