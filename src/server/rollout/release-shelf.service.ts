import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'

/** A signed release, as rollouts and devices need it. */
export interface ShelvedRelease {
  readonly id: string
  readonly version: string
  readonly sequence: number
  readonly classId: Uint8Array
  /** SUIT digest, 32 bytes. */
  readonly manifestSha256: Uint8Array
  readonly imageSha256: Uint8Array
  readonly imageSizeBytes: number
  readonly envelope: Uint8Array
  /** Its fallback, which was proposed, approved and signed with it. */
  readonly fallbackId: string | null
}

interface ReleaseRow {
  readonly id: string
  readonly state: string
  readonly version: string
  readonly sequence: number
  readonly class_id: Buffer
  readonly manifest_sha256: Buffer
  readonly image_sha256: Buffer
  readonly image_size_bytes: number
  readonly envelope: Buffer | null
  readonly fallback_id: string | null
}

const COLUMNS =
  'id, state, version, sequence, class_id, manifest_sha256, image_sha256, image_size_bytes, envelope, fallback_id FROM release'
const MAX_HELD = 256
/** A release that was signed again has another envelope: it is read anew after so long. */
const HELD_MS = 2_000

/** Releases that are signed, read for polls and offers. Once signed only the envelope changes, by re-signing, so it is kept a while. */
@Injectable()
export class ReleaseShelf {
  private readonly held = new Map<string, { readonly release: ShelvedRelease; readonly readMs: number }>()
  private readonly images = new Set<string>()

  constructor(private readonly database: DataSource) {}

  /** @throws Refusal `NOT_FOUND`, `STATE` when it is not signed. */
  async requireSigned(namespace: string, releaseId: string): Promise<ShelvedRelease> {
    const [row] = await this.database.query<ReleaseRow[]>(`SELECT ${COLUMNS} WHERE namespace = $1 AND id = $2`, [
      namespace,
      releaseId,
    ])
    if (row === undefined) throw new Refusal('NOT_FOUND', { what: 'release', id: releaseId })
    const release = shelved(row)
    if (release === null) throw new Refusal('STATE', { what: 'release', state: row.state, wanted: 'signed' })
    return release
  }

  /** By SUIT digest. @returns null when no signed release has it. */
  async findByManifest(namespace: string, manifestSha256: Uint8Array): Promise<ShelvedRelease | null> {
    const name = `${namespace} ${toHex(manifestSha256)}`
    const known = this.held.get(name)
    if (known !== undefined && performance.now() - known.readMs < HELD_MS) return known.release
    const readMs = performance.now()
    const [row] = await this.database.query<ReleaseRow[]>(
      `SELECT ${COLUMNS} WHERE namespace = $1 AND manifest_sha256 = $2 AND state = 'signed' LIMIT 1`,
      [namespace, Buffer.from(manifestSha256)],
    )
    const release = row === undefined ? null : shelved(row)
    if (release === null) return null
    if (this.held.size >= MAX_HELD) this.held.clear()
    this.held.set(name, { release, readMs })
    return release
  }

  /** The newest signed release of that class and version. */
  async findByVersion(namespace: string, classId: Uint8Array, version: string): Promise<ShelvedRelease | null> {
    const [row] = await this.database.query<ReleaseRow[]>(
      `SELECT ${COLUMNS} WHERE namespace = $1 AND class_id = $2 AND version = $3 AND state = 'signed' ORDER BY sequence DESC LIMIT 1`,
      [namespace, Buffer.from(classId), version],
    )
    return row === undefined ? null : shelved(row)
  }

  /** Whether the image belongs to a signed release of the namespace: nothing else is given to devices. */
  async isImageReleased(namespace: string, imageSha256: Uint8Array): Promise<boolean> {
    const name = `${namespace} ${toHex(imageSha256)}`
    if (this.images.has(name)) return true
    const rows = await this.database.query<unknown[]>(
      `SELECT 1 FROM release WHERE namespace = $1 AND image_sha256 = $2 AND state = 'signed' LIMIT 1`,
      [namespace, Buffer.from(imageSha256)],
    )
    if (rows.length === 0) return false
    if (this.images.size >= MAX_HELD) this.images.clear()
    this.images.add(name)
    return true
  }
}

function shelved(row: ReleaseRow): ShelvedRelease | null {
  if (row.state !== 'signed' || row.envelope === null) return null
  return {
    id: row.id,
    version: row.version,
    sequence: row.sequence,
    classId: new Uint8Array(row.class_id),
    manifestSha256: new Uint8Array(row.manifest_sha256),
    imageSha256: new Uint8Array(row.image_sha256),
    imageSizeBytes: row.image_size_bytes,
    envelope: new Uint8Array(row.envelope),
    fallbackId: row.fallback_id,
  }
}
