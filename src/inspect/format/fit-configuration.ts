import { BEGIN_NODE, END, END_NODE, NOP, PROPERTY, type Fdt, type FdtNode, type FdtToken } from '../container/fdt.js'
import { feed } from '../digests.js'
import type { EmbeddedSignature, FindingsDraft } from '../findings.js'
import type { Inspection } from '../format-reader.js'
import { openFitSignature } from './fit-signature.js'

/** Properties that a signature leaves out: the images are covered by their hash nodes. */
const leftOut = ['data', 'data-size', 'data-position', 'data-offset']

/**
 * A signed configuration covers nodes of the tree, as bytes of the structure block, and the strings.
 * @returns null when the signature is not of a kind that we verify.
 * @see U-Boot, doc/usage/fit/signature.rst, "Signed Configurations", and fdt_find_regions
 */
export function judgeConfiguration(
  { reader, keys, draft }: Inspection,
  fdt: Fdt,
  root: FdtNode,
  configuration: FdtNode,
  node: FdtNode,
): EmbeddedSignature | null {
  const signature = openFitSignature(fdt, node, keys, draft)
  const covered = fdt.texts(node, 'hashed-nodes')
  const missing = requiredNodes(fdt, root, configuration).filter((path) => !covered.includes(path))
  if (missing.length > 0) draft.fault(`the signature of ${configuration.name} leaves out ${missing.join(', ')}`)
  if (signature === null) return null
  for (const [from, to] of regions(fdt, new Set(covered))) feed(reader.chunks(from, to - from), [signature])
  const strings = fdt.bytes(node, 'hashed-strings')
  if (strings !== null && strings.length >= 8) {
    const bytes = new DataView(strings.buffer, strings.byteOffset).getUint32(4)
    feed(reader.chunks(fdt.stringsAt, bytes), [signature])
  }
  const judged = signature.finish()
  const weak = imagesOf(fdt, root, configuration).find(
    (image) => !image.children.some((each) => isStrongHash(fdt, each)),
  )
  if (judged.state !== 'verified' || weak === undefined) return judged
  return { state: 'present', algorithm: judged.algorithm, why: `no SHA-2 hash binds ${weak.name} to it` }
}

/** The signature covers hash nodes, and they the images: a checksum can be made to fit other bytes. */
const isStrongHash = (fdt: Fdt, node: FdtNode): boolean =>
  node.name.startsWith('hash') &&
  /^sha(256|384|512)$/.test(fdt.text(node, 'algo') ?? '') &&
  fdt.bytes(node, 'value') !== null

/** What must be covered, or another image could take its place: the configuration, its images, their hashes. */
function requiredNodes(fdt: Fdt, root: FdtNode, configuration: FdtNode): string[] {
  const images = imagesOf(fdt, root, configuration)
  const hashes = images.flatMap(({ children }) => children.filter(({ name }) => name.startsWith('hash')))
  return ['/', configuration.path, ...images.map(({ path }) => path), ...hashes.map(({ path }) => path)]
}

const usedBy = (fdt: Fdt, configuration: FdtNode): string[] =>
  ['kernel', 'fdt', 'ramdisk', 'firmware', 'loadables', 'fpga', 'script', 'setup'].flatMap((property) =>
    fdt.texts(configuration, property),
  )

function imagesOf(fdt: Fdt, root: FdtNode, configuration: FdtNode): FdtNode[] {
  const used = usedBy(fdt, configuration)
  return (root.child('images')?.children ?? []).filter(({ name }) => used.includes(name))
}

/** A name that no image has may be found elsewhere: libfdt takes `kernel@1` for `kernel`. */
export function requireImages(draft: FindingsDraft, fdt: Fdt, root: FdtNode, configuration: FdtNode): void {
  const images = root.child('images')
  for (const name of usedBy(fdt, configuration))
    if (images?.child(name) === undefined)
      draft.fault(`${configuration.name} names an image that is not there: ${name}`)
}

/** Walks the structure as the boot loader does and yields what is covered, from and to, in order. */
function* regions(fdt: Fdt, covered: ReadonlySet<string>): Generator<readonly [from: number, to: number]> {
  const walk = new RegionWalk(covered)
  let start = -1
  for (const token of fdt.tokens()) {
    const { isIn, stopAt } = walk.step(token)
    if (isIn && start === -1) start = token.at
    if (!isIn && start !== -1) {
      yield [start, stopAt]
      start = -1
    }
    if (token.tag === END && start !== -1) yield [start, token.end]
  }
}

/** 2: a covered node, with its properties. 1: a node right below one, by its name alone. 0: neither. */
type Want = 0 | 1 | 2

class RegionWalk {
  private want: Want = 0
  private readonly outer: { readonly want: Want; readonly path: string }[] = []
  private path = ''

  constructor(private readonly covered: ReadonlySet<string>) {}

  step({ tag, at, end, name }: FdtToken): { isIn: boolean; stopAt: number } {
    if (tag === BEGIN_NODE) return this.enter(name, at, end)
    if (tag === END_NODE) {
      const isIn = this.want > 0
      const back = this.outer.pop() ?? { want: 0, path: '' }
      this.want = back.want
      this.path = back.path
      return { isIn, stopAt: end }
    }
    if (tag === PROPERTY) return { isIn: this.want === 2 && !leftOut.includes(name), stopAt: at }
    if (tag === NOP) return { isIn: this.want === 2, stopAt: at }
    return { isIn: true, stopAt: end }
  }

  private enter(name: string, at: number, end: number): { isIn: boolean; stopAt: number } {
    const before = this.want
    const isRoot = this.outer.length === 0
    this.outer.push({ want: before, path: this.path })
    this.path = isRoot ? '/' : `${this.path === '/' ? '' : this.path}/${name}`
    if (this.covered.has(this.path)) this.want = 2
    else this.want = before === 2 ? 1 : 0
    const stopsBefore = before === 1 || (before === 0 && this.want === 0)
    return { isIn: this.want > 0, stopAt: stopsBefore ? at : end }
  }
}
