import { createHash } from 'node:crypto'
import { findHex, toHex } from '../../domain/bytes.js'
import { isCms, isEncryptedCms, judgeCms, parseCms, type Cms } from '../cms.js'
import { readIni, type Ini } from '../container/ini.js'
import { feed } from '../digests.js'
import { isCutSquashfs, isSquashfs, Squashfs } from '../container/squashfs.js'
import type { FindingsDraft } from '../findings.js'
import type { FormatReader, Inspection } from '../format-reader.js'
import type { Reader } from '../reader.js'
import { documentText } from '../text.js'
import { Unreadable } from '../unreadable.js'
import { VERITY_BLOCK_BYTES, VerityTree } from '../verity-tree.js'

// RAUC, "Reference", sections "Manifest" and "Bundle Formats": a squashfs (encrypted in crypt bundles), in verity and crypt
// bundles its hash tree, a CMS signature (which may be encrypted too), and the length of that in eight bytes, big endian.
const LENGTH_BYTES = 8
const SIGNATURE_LIMIT_BYTES = 1_048_576
const MANIFEST = 'manifest.raucm'
const DER_SEQUENCE = 0x30

export const rauc: FormatReader = {
  format: 'rauc',
  /**
   * A squashfs alone is none: it takes the signature behind it, or that it ends before itself, and then nobody knows what was behind.
   * What is encrypted is told by the signature alone.
   */
  recognises(reader) {
    if (isCutSquashfs(reader)) return true
    const at = signatureAt(reader)
    if (at === null) return false
    return isSquashfs(reader) ? reader.bytes(at, 1)[0] === DER_SEQUENCE : isCms(reader.head(at, 24))
  },
  async inspect(inspection: Inspection): Promise<void> {
    const { reader, draft } = inspection
    if (isCutSquashfs(reader)) throw new Unreadable('truncated: its file system claims more bytes than there are')
    const at = signatureAt(reader) ?? reader.sizeBytes
    const der = reader.bytes(at, reader.sizeBytes - LENGTH_BYTES - at)
    if (isEncryptedCms(der)) {
      draft.fact('bundleFormat', 'crypt')
      draft.signature({ state: 'present', algorithm: 'cms', why: 'it is encrypted, as its manifest is' })
      draft.sealed('content, version and compatible: its manifest is encrypted')
      return
    }
    const cms = parseCms(der)
    if (cms.content === null) await inspectPlain(inspection, cms, at)
    else await inspectSigned(inspection, cms, cms.content, at)
  },
}

function signatureAt(reader: Reader): number | null {
  const bytes = Number(reader.view(reader.sizeBytes - LENGTH_BYTES, LENGTH_BYTES).getBigUint64(0))
  const at = reader.sizeBytes - LENGTH_BYTES - bytes
  return bytes === 0 || bytes > SIGNATURE_LIMIT_BYTES || at < 96 ? null : at
}

/** `format=plain`: the signature covers the squashfs, the manifest is a file in it. */
async function inspectPlain({ reader, keys, now, draft }: Inspection, cms: Cms, at: number): Promise<void> {
  const image = openImage(reader, draft)
  draft.fact('bundleFormat', 'plain')
  const sinks = cms.hashes.map((name) => createHash(name))
  feed(reader.chunks(0, at), sinks)
  const digests = new Map(cms.hashes.map((name, index) => [name, sinks[index]?.digest() ?? new Uint8Array(0)]))
  draft.signature(await judgeCms(cms, digests, keys, now))
  if (!image.isReadable) {
    draft.sealed(`version and compatible: the manifest is compressed with ${image.compressor}`)
    return
  }
  const manifest = image.readFile(MANIFEST)
  if (manifest === null) draft.fault(`it has no ${MANIFEST}`)
  else describe(readIni(documentText(manifest)), draft)
}

/** `format=verity` and `crypt`: the manifest is what is signed; it names the root of the hash tree over the squashfs. */
async function inspectSigned(
  { reader, keys, now, draft }: Inspection,
  cms: Cms,
  content: Uint8Array,
  at: number,
): Promise<void> {
  const manifest = readIni(documentText(content))
  const format = manifest.get('bundle')?.get('format') ?? 'none'
  draft.fact('bundleFormat', format)
  if (format !== 'crypt') openImage(reader, draft)
  describe(manifest, draft)
  const digests = new Map(cms.hashes.map((name) => [name, createHash(name).update(content).digest()]))
  draft.signature(await judgeCms(cms, digests, keys, now))
  if (format !== 'verity' && format !== 'crypt') draft.fault(`its manifest is signed, and its format is ${format}`)
  else checkTree(reader, manifest, at, draft)
}

function openImage(reader: Reader, draft: FindingsDraft): Squashfs {
  const image = new Squashfs(reader)
  draft.fact('compressor', image.compressor)
  return image
}

function checkTree(reader: Reader, manifest: Ini, at: number, draft: FindingsDraft): void {
  const value = (name: string): string => manifest.get('bundle')?.get(name) ?? ''
  const [root, salt, size] = [findHex(value('verity-hash')), findHex(value('verity-salt')), value('verity-size')]
  if (root?.length !== 32 || salt === null || !/^[1-9]\d{0,14}$/.test(size))
    throw new Unreadable('its manifest names no hash tree')
  const treeBytes = Number(size)
  const dataBytes = at - treeBytes
  if (dataBytes <= 0 || dataBytes % VERITY_BLOCK_BYTES !== 0)
    throw new Unreadable(`truncated: ${dataBytes} bytes of data are no whole number of blocks`)
  const tree = new VerityTree(reader, dataBytes / VERITY_BLOCK_BYTES, dataBytes, salt)
  if (tree.treeBytes !== treeBytes)
    throw new Unreadable(`its hash tree takes ${treeBytes} bytes, its data need ${tree.treeBytes}`)
  feed(reader.chunks(0, dataBytes), [tree])
  const found = tree.finish()
  draft.requireSame('root of the hash tree', toHex(root), toHex(found.root))
  if (!found.isStored) draft.fault('the stored hash tree is not that of the data')
}

function describe(manifest: Ini, draft: FindingsDraft): void {
  const value = (name: string): string => {
    const text = manifest.get('update')?.get(name) ?? ''
    // GLib has escapes of its own, and RAUC compares what comes of them.
    if (text.includes('\\')) throw new Unreadable(`${name} in its manifest has an escape`)
    return text
  }
  draft.version(value('version'))
  draft.target('product', [value('compatible')])
  draft.fact('build', value('build'))
  draft.fact('description', value('description'))
  if (value('compatible') === '') draft.fault('its manifest names no compatible')
  for (const [section, values] of manifest) {
    if (!section.startsWith('image.')) continue
    draft.fact(section, values.get('filename') ?? '')
    draft.fact(`${section} sha256`, values.get('sha256') ?? '')
  }
}
