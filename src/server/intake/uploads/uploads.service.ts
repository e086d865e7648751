import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { toHex } from '../../../domain/bytes.js'
import { Clock } from '../../../domain/clock.js'
import { Refusal } from '../../../domain/refusal.js'
import type { Caller } from '../../access/caller.decorator.js'
import { ServerConfig } from '../../server-config.js'
import { FirmwareStore } from '../../storage/firmware-store.port.js'
import { FirmwareWriter } from '../../storage/firmware-writer.service.js'
import { lockDigest } from '../digest-lock.js'
import { FirmwareService } from '../firmware.service.js'
import { UploadRow } from './upload.row.js'

/** Each may fill the disk with as much as one image: so many may be open in a namespace. */
const MOST_OPEN = 64
/** With one token, so that none shuts out the others. */
const MOST_OF_TOKEN = 16

export interface OpenUpload {
  readonly row: UploadRow
  readonly receivedBytes: number
}

/** Uploads in several pieces, from the first announcement to firmware. They belong to whoever began them. */
@Injectable()
export class UploadService {
  constructor(
    private readonly database: DataSource,
    private readonly store: FirmwareStore,
    private readonly writer: FirmwareWriter,
    private readonly firmware: FirmwareService,
    private readonly clock: Clock,
    private readonly config: ServerConfig,
  ) {}

  /** @returns the id of a new upload. @throws Refusal `IMAGE_TOO_LARGE`, `CONFLICT` when too many are open, `STORE_UNAVAILABLE`. */
  async begin(sha256: Uint8Array, sizeBytes: number, caller: Caller): Promise<string> {
    this.firmware.requireSize(sizeBytes)
    const { namespace, tokenId } = caller
    const createdAt = this.clock.nowSeconds()
    const id = randomUUID()
    // A store that is down says so now: what nobody can bring takes no place among those that are open.
    await this.store.findIncomingSizeBytes(id)
    await this.database.transaction(async (manager) => {
      await manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 4))', [`uploads ${namespace}`])
      if ((await manager.countBy(UploadRow, { namespace })) >= MOST_OPEN)
        throw new Refusal('CONFLICT', { what: 'upload', why: `${MOST_OPEN} are open in this namespace already` })
      if ((await manager.countBy(UploadRow, { namespace, tokenId })) >= MOST_OF_TOKEN)
        throw new Refusal('CONFLICT', { what: 'upload', why: `${MOST_OF_TOKEN} are open with this token already` })
      const expiresAt = createdAt + this.config.uploadLifeSeconds
      const actor = actorOf(caller)
      await manager.insert(UploadRow, { id, namespace, sha256, sizeBytes, tokenId, actor, createdAt, expiresAt })
    })
    return id
  }

  /** @throws Refusal `NOT_FOUND`, also for what somebody else began. */
  async get(id: string, caller: Caller): Promise<OpenUpload> {
    const row = await this.database.getRepository(UploadRow).findOneBy({ id, namespace: caller.namespace })
    if (row === null || !isOwner(row, caller)) throw new Refusal('NOT_FOUND', { what: 'upload', id })
    return this.withReceived(row)
  }

  /** What is open of one digest or of all; the oldest first. Of all callers only for those who may cancel it. */
  async list(sha256: Uint8Array | null, caller: Caller, of: 'me' | 'all' = 'me'): Promise<OpenUpload[]> {
    const { namespace } = caller
    const where = sha256 === null ? { namespace } : { namespace, sha256 }
    const rows = await this.database
      .getRepository(UploadRow)
      .find({ where, order: { createdAt: 'ASC', id: 'ASC' }, take: MOST_OPEN })
    return Promise.all(
      rows
        .filter((row) => isOwner(row, caller) || (of === 'all' && isSteward(caller)))
        .map((row) => this.withReceived(row)),
    )
  }

  /** Writes what comes. @returns how much is here now. @throws Refusal as `FirmwareWriter.append`. */
  async append({ row, receivedBytes }: OpenUpload, source: AsyncIterable<Uint8Array>): Promise<number> {
    await this.writer.append(row, receivedBytes, source)
    return this.store.findIncomingSizeBytes(row.id)
  }

  /**
   * The last byte is here: the upload becomes firmware, and is no upload any more. Safe to repeat, also at the same time.
   * @throws Refusal `DIGEST_MISMATCH`, and then the upload is gone: it can never become right.
   */
  async finish({ row }: OpenUpload, caller: Caller): Promise<void> {
    const no = await this.database.transaction(async (manager) => {
      await lockDigest(manager, row.sha256)
      const mine = await manager.delete(UploadRow, { id: row.id })
      if (mine.affected === 0) return null
      const refusal = await this.findRefusal(row)
      if (refusal === null) await this.firmware.keep(manager, row, caller)
      return refusal
    })
    if (no === null) return
    await this.writer.discard(row.id)
    throw no
  }

  /** @throws Refusal `NOT_FOUND`, also for what somebody else began, unless the caller looks after the namespace. */
  async cancel(id: string, caller: Caller): Promise<void> {
    const row = await this.database.getRepository(UploadRow).findOneBy({ id, namespace: caller.namespace })
    if (row === null || !(isOwner(row, caller) || isSteward(caller)))
      throw new Refusal('NOT_FOUND', { what: 'upload', id })
    await this.database.getRepository(UploadRow).delete({ id })
    await this.writer.discard(id)
  }

  private async findRefusal(row: UploadRow): Promise<Refusal | null> {
    try {
      await this.writer.requireWhole(row)
      return null
    } catch (error) {
      if (error instanceof Refusal && error.code === 'DIGEST_MISMATCH') return error
      throw error
    }
  }

  private async withReceived(row: UploadRow): Promise<OpenUpload> {
    return { row, receivedBytes: await this.store.findIncomingSizeBytes(row.id) }
  }
}

const actorOf = (caller: Caller): string => caller.person ?? caller.label

/** A person goes on with another token of theirs; a machine has only the one. */
const isOwner = (row: UploadRow, caller: Caller): boolean =>
  row.tokenId === caller.tokenId || (caller.person !== null && caller.person === row.actor)

/** Persons, whom a build system that ran wild must not shut out. */
const isSteward = ({ roles }: Caller): boolean => roles.includes('engineer') || roles.includes('security-officer')

export const uploadView = ({ row, receivedBytes }: OpenUpload) => ({
  id: row.id,
  sha256: toHex(row.sha256),
  sizeBytes: row.sizeBytes,
  receivedBytes,
  createdAt: row.createdAt,
  createdBy: row.actor,
  expiresAt: row.expiresAt,
})
