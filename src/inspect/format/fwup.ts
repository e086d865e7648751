import { createBLAKE2b } from 'hash-wasm'
import { firstZipName, readZip, type ZipEntry } from '../container/zip.js'
import { Crc32, feedAll, sha256Digest, type HexDigest, type Sink } from '../digests.js'
import type { FindingsDraft } from '../findings.js'
import type { FormatReader, Inspection } from '../format-reader.js'
import { inflate, InflateLimit } from '../inflate.js'
import type { Reader } from '../reader.js'
import { judgeSignature } from '../signed-by.js'
import { documentText } from '../text.js'
import { Unreadable } from '../unreadable.js'
import { readMetaConf, type MetaConf } from './fwup-meta.js'

// fwup, README "Firmware update archive format": a ZIP of meta.conf, its Ed25519 signature, and data/ with the resources.
const META = 'meta.conf'
const SIGNATURE = 'meta.conf.ed25519'
const DOCUMENT_LIMIT_BYTES = 1_048_576

export const fwup: FormatReader = {
  format: 'fwup',
  /** By what stands in front: one that was cut off is still one. */
  recognises: (reader) => [META, SIGNATURE].includes(firstZipName(reader) ?? ''),
  async inspect({ reader, keys, draft }: Inspection): Promise<void> {
    const entries = readZip(reader)
    const limit = new InflateLimit(reader.sizeBytes)
    const meta = await contentOf(reader, entries, META, limit)
    if (meta === null) throw new Unreadable(`it has no ${META}`)
    const signature = await contentOf(reader, entries, SIGNATURE, limit)
    if (signature !== null) draft.signature(judgeSignature('ed25519', null, meta, signature, keys.ofType('ed25519')))
    const conf = readMetaConf(documentText(meta))
    describe(conf, draft)
    for (const entry of entries) await checkEntry(reader, entry, conf, limit, draft)
    for (const name of conf.resources.keys())
      if (!entries.some((entry) => entry.name === `data/${name}`)) draft.fault(`resource ${name} is not there`)
  },
}

async function contentOf(
  reader: Reader,
  entries: readonly ZipEntry[],
  name: string,
  limit: InflateLimit,
): Promise<Uint8Array | null> {
  const entry = entries.find((each) => each.name === name)
  if (entry === undefined) return null
  if (entry.bytes > DOCUMENT_LIMIT_BYTES) throw new Unreadable(`${name} claims ${entry.bytes} bytes`)
  const content = new Uint8Array(entry.bytes)
  let filled = 0
  for await (const piece of unpacked(reader, entry, limit)) {
    if (filled + piece.length > content.length) throw new Unreadable(`${name} is longer than it says`)
    content.set(piece, filled)
    filled += piece.length
  }
  if (filled !== content.length) throw new Unreadable(`${name} is shorter than it says`)
  return content
}

const unpacked = (
  reader: Reader,
  entry: ZipEntry,
  limit: InflateLimit,
): AsyncIterable<Uint8Array> | Iterable<Uint8Array> =>
  entry.method === 'stored'
    ? reader.chunks(entry.at, entry.compressedBytes)
    : inflate(reader.chunks(entry.at, entry.compressedBytes), 'deflate', limit)

function describe({ settings, resources }: MetaConf, draft: FindingsDraft): void {
  draft.version(settings.get('meta-version') ?? '')
  for (const name of ['product', 'platform', 'architecture', 'description', 'author', 'vcs-identifier', 'uuid'])
    if (settings.has(`meta-${name}`)) draft.fact(name, settings.get(`meta-${name}`) ?? '')
  draft.target('product', [settings.get('meta-product') ?? '', settings.get('meta-platform') ?? ''])
  draft.fact('resources', [...resources.keys()].join(', '))
}

async function checkEntry(
  reader: Reader,
  entry: ZipEntry,
  conf: MetaConf,
  limit: InflateLimit,
  draft: FindingsDraft,
): Promise<void> {
  const name = entry.name.replace(/^data\//, '')
  const resource = entry.name.startsWith('data/') ? conf.resources.get(name) : undefined
  const crc = new Crc32()
  const count = new ByteCount()
  const digest = await digestFor(resource)
  await feedAll(unpacked(reader, entry, limit), [crc, count, ...(digest === null ? [] : [digest.sink])])
  draft.requireSame(`crc32 of ${entry.name}`, hex(entry.crc32), crc.hex())
  draft.requireSame(`length of ${entry.name}`, String(resource?.get('length') ?? entry.bytes), String(count.value))
  if (digest !== null) draft.requireSame(`${digest.name} of ${entry.name}`, digest.stated, digest.sink.hex())
  else if (resource !== undefined) draft.fault(`resource ${name} has no hash`)
  else if (entry.name !== META && entry.name !== SIGNATURE) draft.fault(`${entry.name} is not named in ${META}`)
}

class ByteCount implements Sink {
  value = 0
  update(chunk: Uint8Array): void {
    this.value += chunk.length
  }
}

const hex = (value: number): string => value.toString(16).padStart(8, '0')

async function digestFor(
  resource: ReadonlyMap<string, string> | undefined,
): Promise<{ name: string; stated: string; sink: HexDigest } | null> {
  const blake = resource?.get('blake2b-256')
  if (blake !== undefined) return { name: 'blake2b-256', stated: blake, sink: await blake2b256() }
  const sha256 = resource?.get('sha256')
  return sha256 === undefined ? null : { name: 'sha256', stated: sha256, sink: sha256Digest() }
}

/** node:crypto has BLAKE2b with 512 bits alone, which is another hash. */
async function blake2b256(): Promise<HexDigest> {
  const hash = await createBLAKE2b(256)
  hash.init()
  return { update: (chunk) => hash.update(chunk), hex: () => hash.digest('hex') }
}
