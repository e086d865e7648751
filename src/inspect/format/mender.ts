import { ByteStream } from '../byte-stream.js'
import { readJson } from '../container/json.js'
import { isGroup } from '../container/libconfig.js'
import { isTar, readTar, type TarEntry } from '../container/tar.js'
import { feedAll, sha256Digest, type HexDigest } from '../digests.js'
import type { EmbeddedSignature } from '../findings.js'
import type { FormatReader, Inspection } from '../format-reader.js'
import { inflate, InflateLimit } from '../inflate.js'
import { documentText } from '../text.js'
import { Unreadable } from '../unreadable.js'
import { describeHeader, type MenderHeader } from './mender-header.js'
import { judgeManifest, readManifest } from './mender-manifest.js'

// Mender, "Artifact format", version 3: a tar of version, manifest, signature, header and payloads, in this order.
const DOCUMENT_LIMIT_BYTES = 1_048_576
const BLOCK_BYTES = 512
const parts = [
  /^version$/,
  /^manifest$/,
  /^manifest\.sig$/,
  /^manifest-augment$/,
  /^header\.tar(\.\w+)?$/,
  /^header-augment\.tar(\.\w+)?$/,
  /^data\/\d{4}\.tar(\.\w+)?$/,
]
const DATA = parts.length - 1

export const mender: FormatReader = {
  format: 'mender',
  recognises(reader) {
    const block = reader.bytes(0, BLOCK_BYTES)
    if (!isTar(block) || documentText(block.subarray(0, 8)) !== 'version\0') return false
    return /"format"\s*:\s*"mender"/.test(documentText(reader.head(BLOCK_BYTES, 256)))
  },
  async inspect(inspection: Inspection): Promise<void> {
    const { reader } = inspection
    const artifact = new MenderArtifact(inspection)
    for await (const entry of readTar(new ByteStream(reader.chunks(0, reader.sizeBytes)))) await artifact.take(entry)
    artifact.finish()
  },
}

class MenderArtifact {
  private manifestBytes: Uint8Array | null = null
  private signatureBytes: Uint8Array | null = null
  private stated = new Map<string, string>()
  private readonly found = new Map<string, string>()
  private readonly unread: string[] = []
  private readonly header: MenderHeader = { info: null, types: [] }
  private readonly limit: InflateLimit
  private place = -1
  private lastName = ''

  constructor(private readonly inspection: Inspection) {
    this.limit = new InflateLimit(inspection.reader.sizeBytes)
  }

  async take(entry: TarEntry): Promise<void> {
    this.requireOrder(entry.name)
    if (entry.name === 'version') await this.takeVersion(entry)
    else if (entry.name === 'manifest') {
      this.manifestBytes = await contentOf(entry)
      this.stated = readManifest(documentText(this.manifestBytes))
    } else if (entry.name === 'manifest.sig') this.signatureBytes = await contentOf(entry)
    else if (/^header\.tar(\.\w+)?$/.test(entry.name)) await this.takeHeader(entry)
    else if (/^data\/\d{4}\.tar(\.\w+)?$/.test(entry.name)) await this.takePayload(entry)
    else if (entry.name.startsWith('header-augment'))
      this.inspection.draft.fault('it is augmented, by parts that no signature covers')
    else if (entry.name !== 'manifest-augment')
      this.inspection.draft.fault(`it holds ${entry.name}, which is no part of it`)
  }

  /** Each part once and in its place: readers take the first of a name, the last, or neither. */
  private requireOrder(name: string): void {
    const place = parts.findIndex((part) => part.test(name))
    const isNext = place > this.place || (place === DATA && this.place === DATA && name > this.lastName)
    if (place >= 0 && !isNext) throw new Unreadable(`${name} is there twice, or not in its place`)
    this.place = Math.max(this.place, place)
    this.lastName = name
  }

  private async takeVersion(entry: TarEntry): Promise<void> {
    const bytes = await contentOf(entry)
    const digest = sha256Digest()
    digest.update(bytes)
    this.found.set('version', digest.hex())
    const document = readJson(documentText(bytes), 'version')
    const version = isGroup(document) ? document.get('version') : undefined
    this.inspection.draft.fact('artifactVersion', typeof version === 'number' ? version : 0)
    if (version !== 3) throw new Unreadable('it is an artifact of another version than 3')
  }

  private async takeHeader(entry: TarEntry): Promise<void> {
    const digest = sha256Digest()
    const compression = compressionOf(entry.name)
    if (compression === null) {
      await feedAll(entry.pieces(), [digest])
      this.inspection.draft.sealed(`${entry.name}: version and device types are packed in a way that we do not unpack`)
    } else {
      const stream = new ByteStream(this.unpacked(watched(entry.pieces(), digest), compression))
      for await (const part of readTar(stream)) await this.takeHeaderPart(part)
      // What stands behind the compressed data still counts for the checksum.
      await feedAll(entry.pieces(), [digest])
    }
    this.found.set(entry.name, digest.hex())
  }

  private async takeHeaderPart(part: TarEntry): Promise<void> {
    const isType = /^headers\/\d{4}\/type-info$/.test(part.name)
    if (part.name !== 'header-info' && !isType) return
    const document = readJson(documentText(await contentOf(part)), part.name)
    if (isType) this.header.types.push(document)
    else this.header.info = document
  }

  private async takePayload(entry: TarEntry): Promise<void> {
    const folder = entry.name.replace(/\.tar(\.\w+)?$/, '')
    const compression = compressionOf(entry.name)
    if (compression === null) {
      this.unread.push(folder)
      this.inspection.draft.notChecked(`checksums in ${entry.name}, which is packed in a way that we do not unpack`)
      return
    }
    const stream = new ByteStream(this.unpacked(entry.pieces(), compression))
    for await (const file of readTar(stream)) {
      const digest = sha256Digest()
      await feedAll(file.pieces(), [digest])
      const name = `${folder}/${file.name}`
      if (this.found.has(name)) throw new Unreadable(`it holds ${name} twice`)
      this.found.set(name, digest.hex())
      this.inspection.draft.fact(`${name} bytes`, file.bytes)
    }
  }

  private unpacked(pieces: AsyncIterable<Uint8Array>, compression: 'none' | 'gzip'): AsyncIterable<Uint8Array> {
    return compression === 'none' ? pieces : inflate(pieces, 'gzip', this.limit)
  }

  finish(): void {
    const { draft, keys } = this.inspection
    if (this.manifestBytes === null) throw new Unreadable('truncated: it has no manifest')
    if (this.signatureBytes !== null)
      draft.signature(this.bound(judgeManifest(this.manifestBytes, this.signatureBytes, keys)))
    for (const [name, stated] of this.stated) {
      if (this.unread.some((folder) => name.startsWith(`${folder}/`))) continue
      draft.requireSame(`sha256 of ${name}`, stated, this.found.get(name) ?? 'nothing')
    }
    for (const name of this.found.keys())
      if (!this.stated.has(name)) draft.fault(`${name} is there and not in the manifest`)
    if (![...this.found.keys()].some((name) => name.startsWith('header.'))) draft.fault('it has no header')
    describeHeader(this.header, draft)
  }

  /** The signature covers sums: what they are of has to be read before it covers anything. */
  private bound(judged: EmbeddedSignature): EmbeddedSignature {
    if (judged.state !== 'verified' || this.unread.length === 0) return judged
    const why = `the manifest is signed; whether ${this.unread.join(', ')} is what it names is not known: it is not unpacked`
    return { state: 'present', algorithm: judged.algorithm, why }
  }
}

/** By the name of the file. @returns null for what is not unpacked here. */
function compressionOf(name: string): 'none' | 'gzip' | null {
  if (name.endsWith('.tar')) return 'none'
  return name.endsWith('.tar.gz') ? 'gzip' : null
}

async function contentOf(entry: TarEntry): Promise<Uint8Array> {
  if (entry.bytes > DOCUMENT_LIMIT_BYTES) throw new Unreadable(`${entry.name} claims ${entry.bytes} bytes`)
  const content = new Uint8Array(entry.bytes)
  let filled = 0
  for await (const piece of entry.pieces()) {
    content.set(piece, filled)
    filled += piece.length
  }
  return content
}

async function* watched(pieces: AsyncIterable<Uint8Array>, digest: HexDigest): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    digest.update(piece)
    yield piece
  }
}
