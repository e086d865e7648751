import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { DataSource, IsNull } from 'typeorm'
import { toHex } from '../../domain/bytes.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { FirmwareStore } from '../storage/firmware-store.port.js'
import { FirmwareRow } from './firmware.row.js'
import { FirmwareService } from './firmware.service.js'
import { digestsOf } from './stream-digests.js'

/** Digests that protect nothing and that older clients ask for: hawkBit DDI names SHA-1 and MD5. */
export interface OldDigests {
  readonly sha1: Uint8Array
  readonly md5: Uint8Array
}

const MOST_AT_START = 1_000

/**
 * Works out SHA-1 and MD5 of what was uploaded, one firmware at a time, after the upload: engineers do not wait for it. Whoever
 * offers firmware to devices that need them asks `require`, and waits where it has to.
 */
@Injectable()
export class OldDigestsService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly wanted = new Map<string, Uint8Array>()
  private working: Promise<void> | null = null
  private isStopped = false

  constructor(
    private readonly database: DataSource,
    private readonly store: FirmwareStore,
    private readonly firmware: FirmwareService,
    private readonly log: DecisionLog,
  ) {}

  /** What an earlier process left undone. */
  async onApplicationBootstrap(): Promise<void> {
    const where = { sha1: IsNull(), prunedAt: IsNull() }
    const rows = await this.database
      .getRepository(FirmwareRow)
      .find({ where, order: { uploadedAt: 'ASC' }, take: MOST_AT_START })
    for (const row of rows) this.want(row.sha256)
  }

  async onModuleDestroy(): Promise<void> {
    this.isStopped = true
    await this.working
  }

  /** Asks for the digests of new firmware, and does not wait. */
  want(sha256: Uint8Array): void {
    this.wanted.set(toHex(sha256), sha256)
    this.working ??= this.work().finally(() => (this.working = null))
  }

  /** @throws Refusal `NOT_FOUND`, `FIRMWARE_PRUNED`, `IMAGE_UNKNOWN`, `STORE_UNAVAILABLE`. */
  async require(namespace: string, sha256: Uint8Array): Promise<OldDigests> {
    const { sha1, md5 } = await this.firmware.getHeld(namespace, sha256)
    if (sha1 !== null && md5 !== null) return { sha1, md5 }
    const digests = await this.workOut(sha256)
    if (digests === null) throw new Error('the server is being stopped')
    return digests
  }

  private async work(): Promise<void> {
    for (const [name, sha256] of this.wanted) {
      this.wanted.delete(name)
      if (this.isStopped) return
      // It is asked for again at the next start, and by whoever needs it.
      await this.workOut(sha256).catch((error: unknown) => this.log.error('digests.failed', error, { sha256: name }))
    }
  }

  /** @returns null when the server is being stopped. */
  private async workOut(sha256: Uint8Array): Promise<OldDigests | null> {
    const source: AsyncIterable<Uint8Array> = await this.store.read(sha256)
    const digests = await digestsOf(source, ['sha1', 'md5'], () => this.isStopped)
    if (digests === null) return null
    // The bytes are the same in every namespace.
    await this.database.getRepository(FirmwareRow).update({ sha256 }, digests)
    return digests
  }
}
