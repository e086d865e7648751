import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Injectable, type OnModuleInit } from '@nestjs/common'
import type { Lock, Locker } from '@tus/utils'
import { DataSource } from 'typeorm'
import { Refusal } from '../../../domain/refusal.js'
import { DecisionLog } from '../../http/decision-log.service.js'
import { ServerConfig } from '../../server-config.js'

/** A holder that does not renew for so long is dead. */
const LEASE_SECONDS = 15
const RENEW_MS = 3_000
const RETRY_MS = 200
const PATIENCE_MS = 30_000

type Release = () => void | Promise<void>

/**
 * One request at a time works on an upload, whatever instance it reached. The lease stands in the upload's row, by the clock of the
 * database. Whoever wants it says so in the row: an engineer who comes back after a cut must not wait for a connection
 * that nobody has noticed to be dead.
 */
@Injectable()
export class UploadLeases implements Locker, OnModuleInit {
  /** Holders in this process need not be told by way of the database. */
  private readonly here = new Map<string, Release>()

  constructor(
    private readonly database: DataSource,
    private readonly config: ServerConfig,
    private readonly log: DecisionLog,
  ) {}

  /** What an instance of this name held died with it. */
  async onModuleInit(): Promise<void> {
    await this.database.query(
      `UPDATE upload SET lease_holder = NULL, lease_until = NULL, is_lease_wanted = false WHERE starts_with(lease_holder, $1)`,
      [`${this.config.instanceId} `],
    )
  }

  newLock(id: string): Lock {
    const holder = `${this.config.instanceId} ${randomUUID()}`
    let renewal: NodeJS.Timeout | undefined
    return {
      lock: async (signal, release) => {
        await this.wait(id, holder, signal)
        this.here.set(id, release)
        renewal = setInterval(() => void this.renew(id, holder, release), RENEW_MS)
      },
      unlock: async () => {
        clearInterval(renewal)
        this.here.delete(id)
        await this.database.query(
          `UPDATE upload SET lease_holder = NULL, lease_until = NULL, is_lease_wanted = false
            WHERE id = $1 AND lease_holder = $2`,
          [id, holder],
        )
      },
    }
  }

  /** @throws Refusal `UPLOAD_BUSY`. An upload that does not exist is nobody's: the next question about it says so. */
  private async wait(id: string, holder: string, signal: AbortSignal): Promise<void> {
    const end = performance.now() + PATIENCE_MS
    while (!(await this.take(id, holder))) {
      if (signal.aborted || performance.now() > end) throw new Refusal('UPLOAD_BUSY', { id })
      await this.here.get(id)?.()
      await sleep(RETRY_MS)
    }
  }

  /** @returns false while somebody else holds it, who is then told. */
  private async take(id: string, holder: string): Promise<boolean> {
    const [rows] = await this.database.query<[{ lease_holder: string }[], number]>(
      `UPDATE upload SET
        lease_holder = CASE WHEN lease_holder IS NULL OR lease_until < clock_timestamp() THEN $2 ELSE lease_holder END,
        lease_until = CASE WHEN lease_holder IS NULL OR lease_until < clock_timestamp()
          THEN clock_timestamp() + make_interval(secs => ${LEASE_SECONDS}) ELSE lease_until END,
        is_lease_wanted = NOT (lease_holder IS NULL OR lease_until < clock_timestamp())
        WHERE id = $1 RETURNING lease_holder`,
      [id, holder],
    )
    const [row] = rows
    return row === undefined || row.lease_holder === holder
  }

  private async renew(id: string, holder: string, release: Release): Promise<void> {
    try {
      const [rows] = await this.database.query<[{ is_lease_wanted: boolean }[], number]>(
        `UPDATE upload SET lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
          WHERE id = $1 AND lease_holder = $2 RETURNING is_lease_wanted`,
        [id, holder],
      )
      const [row] = rows
      // Wanted by another, or lost already: either way we stop writing.
      if (row === undefined || row.is_lease_wanted) await release()
    } catch (error) {
      this.log.error('upload.lease-not-renewed', error, { upload: id })
      await release()
    }
  }
}
