import { toHex } from '../../domain/bytes.js'
import { Fdt, align, type FdtNode, type FdtValue } from '../container/fdt.js'
import { feed, findDigest, type HexDigest } from '../digests.js'
import { strongest, type EmbeddedSignature, type FindingsDraft } from '../findings.js'
import type { FormatReader, Inspection } from '../format-reader.js'
import { Unreadable } from '../unreadable.js'
import { judgeConfiguration, requireImages } from './fit-configuration.js'
import { openFitSignature } from './fit-signature.js'

// U-Boot, doc/usage/fit/source_file_format.rst (FIT).
const isHash = ({ name }: FdtNode): boolean => /^hash([-@]|$)/.test(name)
const isSignature = ({ name }: FdtNode): boolean => /^signature([-@]|$)/.test(name)

export const uBootFit: FormatReader = {
  format: 'u-boot-fit',
  /** A device tree that holds images; a plain one describes hardware. */
  recognises: (reader) => Fdt.isOne(reader) && holdsImages(reader),
  inspect(inspection: Inspection): void {
    const fdt = new Fdt(inspection.reader)
    const root = fdt.root()
    const images = root.child('images')?.children ?? []
    const configurations = root.child('configurations')?.children ?? []
    describe(inspection.draft, fdt, root, images, configurations)
    const ofImages = images.map((image) => checkImage(inspection, fdt, image))
    for (const each of configurations) requireImages(inspection.draft, fdt, root, each)
    const ofConfigurations = configurations.map((each) => judge(inspection, fdt, root, each))
    // Signed images can still be put together anew: where configurations are signed, theirs count.
    const isSigned = ofConfigurations.some(({ state }) => state !== 'none')
    inspection.draft.signature(weakest(isSigned ? ofConfigurations : ofImages))
  },
}

/** A tree that cannot be read may have been cut off: it is judged as what it may be, and never as unknown. */
function holdsImages(reader: Inspection['reader']): boolean {
  try {
    return new Fdt(reader).root().child('images') !== undefined
  } catch (error) {
    if (error instanceof Unreadable) return true
    throw error
  }
}

function judge(inspection: Inspection, fdt: Fdt, root: FdtNode, configuration: FdtNode): EmbeddedSignature {
  const nodes = configuration.children.filter((node) => isSignature(node) && node.properties.has('value'))
  return strongest(nodes.map((node) => judgeConfiguration(inspection, fdt, root, configuration, node) ?? unverified))
}

const unverified: EmbeddedSignature = { state: 'present', algorithm: 'other', why: 'its kind is not verified here' }

/** One part without a good signature is enough to start something else. */
function weakest(signatures: readonly EmbeddedSignature[]): EmbeddedSignature {
  const signed = signatures.filter(({ state }) => state !== 'none')
  const weak = signed.find(({ state }) => state === 'invalid') ?? signed.find(({ state }) => state === 'present')
  if (weak !== undefined || signed.length === 0) return weak ?? { state: 'none' }
  const why = `${signatures.length - signed.length} of ${signatures.length} parts have no signature`
  if (signed.length < signatures.length) return { state: 'present', algorithm: 'fit', why }
  return signed[0] ?? { state: 'none' }
}

/** Boards that the configurations name; else the processor that the images are for. */
function describe(
  draft: FindingsDraft,
  fdt: Fdt,
  root: FdtNode,
  images: readonly FdtNode[],
  configurations: readonly FdtNode[],
): void {
  const namesOf = (nodes: readonly FdtNode[]): string => nodes.map(({ name }) => name).join(', ')
  draft.fact('description', fdt.text(root, 'description') ?? '')
  draft.fact('images', namesOf(images))
  draft.fact('configurations', namesOf(configurations))
  const parent = root.child('configurations')
  if (parent !== undefined) draft.fact('default', fdt.text(parent, 'default') ?? '')
  draft.target(
    'processor',
    images.map((image) => fdt.text(image, 'arch') ?? ''),
  )
  draft.target(
    'product',
    configurations.flatMap((each) => fdt.texts(each, 'compatible')),
  )
}

function checkImage(inspection: Inspection, fdt: Fdt, image: FdtNode): EmbeddedSignature {
  const { reader, draft, keys } = inspection
  const data = findData(fdt, image)
  if (data === null) {
    draft.fault(`image ${image.name} has no data`)
    return { state: 'none' }
  }
  draft.fact(`${image.name} bytes`, data.bytes)
  const hashNodes = image.children.filter(isHash)
  const hashes = hashNodes.flatMap((node) => openHash(inspection, fdt, image, node) ?? [])
  if (hashNodes.length === 0) draft.notChecked(`image ${image.name}: it has no hash`)
  const nodes = image.children.filter((node) => isSignature(node) && node.properties.has('value'))
  const signatures = nodes.flatMap((node) => openFitSignature(fdt, node, keys, draft) ?? [])
  feed(reader.chunks(data.at, data.bytes), [...hashes.map(({ digest }) => digest), ...signatures])
  for (const { what, stated, digest } of hashes) draft.requireSame(what, stated, digest.hex())
  const others = nodes.length > signatures.length ? [unverified] : []
  return strongest([...signatures.map((each) => each.finish()), ...others])
}

interface StatedHash {
  readonly what: string
  readonly stated: string
  readonly digest: HexDigest
}

function openHash({ draft }: Inspection, fdt: Fdt, image: FdtNode, node: FdtNode): StatedHash | null {
  const algorithm = fdt.text(node, 'algo') ?? ''
  const stated = fdt.bytes(node, 'value')
  const digest = findDigest(algorithm)
  if (digest !== null && stated !== null)
    return { what: `${algorithm} of ${image.name}`, stated: toHex(stated), digest }
  draft.notChecked(`${node.name} of ${image.name}: ${stated === null ? 'it is not filled in' : algorithm}`)
  return null
}

/** Inside the tree, or behind it: `data-offset` counts from the end of the tree, `data-position` from the file's start. */
function findData(fdt: Fdt, image: FdtNode): FdtValue | null {
  const places = ['data', 'data-position', 'data-offset'].filter((name) => image.properties.has(name))
  if (places.length > 1) throw new Unreadable(`image ${image.name} has its data in two places`)
  const inside = image.properties.get('data')
  if (inside !== undefined) return inside
  const bytes = fdt.number(image, 'data-size')
  const position = fdt.number(image, 'data-position')
  const offset = fdt.number(image, 'data-offset')
  if (bytes === null || (position === null && offset === null)) return null
  return { at: position ?? align(fdt.totalBytes) + (offset ?? 0), bytes }
}
