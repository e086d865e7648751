import { Injectable, type OnModuleDestroy } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { concat, equalBytes, sha256 as sha256Of, toHex, utf8 } from '../../../domain/bytes.js'
import { Clock } from '../../../domain/clock.js'
import { Refusal } from '../../../domain/refusal.js'
import type { Findings } from '../../../inspect/findings.js'
import { findFindings } from '../../../inspect/findings-shape.js'
import { INSPECTOR_VERSION } from '../../../inspect/inspect.js'
import { DecisionLog } from '../../http/decision-log.service.js'
import { LocalFirmware } from '../../storage/local-firmware.service.js'
import { EmbeddedKeys, type EmbeddedKey } from '../embedded-keys/embedded-keys.port.js'
import { FindingRow } from './finding.row.js'
import { Inspector } from './inspector.port.js'

/**
 * What was found in firmware, found when it is asked for. After an upload it is asked for in the background; an inspection that a
 * crash cut off is made when somebody needs it. New keys, or a newer inspector, look again.
 */
@Injectable()
export class FindingsService implements OnModuleDestroy {
  private readonly underWay = new Map<string, Promise<Findings>>()
  private isStopped = false

  constructor(
    private readonly database: DataSource,
    private readonly firmware: LocalFirmware,
    private readonly inspector: Inspector,
    private readonly keys: EmbeddedKeys,
    private readonly clock: Clock,
    private readonly log: DecisionLog,
  ) {}

  async onModuleDestroy(): Promise<void> {
    this.isStopped = true
    await Promise.allSettled(this.underWay.values())
  }

  /** Asks for findings about firmware that came, and does not wait. */
  want(namespace: string, sha256: Uint8Array): void {
    if (this.isStopped) return
    const fields = { namespace, sha256: toHex(sha256) }
    void this.of(namespace, sha256).catch((error: unknown) => this.log.error('inspection.failed', error, fields))
  }

  /**
   * Findings by the keys of today; inspects where there are none. Whoever asks at the same time gets the same answer.
   * @throws Refusal `IMAGE_UNKNOWN`, `STORE_CORRUPT`, `STORE_UNAVAILABLE`.
   */
  async of(namespace: string, sha256: Uint8Array): Promise<Findings> {
    const keys = await this.keys.list(namespace)
    const held = await this.row(namespace, sha256)
    const stored = held !== null && equalBytes(held.judgedBy, judgeOf(keys)) ? findFindings(held.findings) : null
    return stored ?? this.inspectOnce(namespace, sha256, keys)
  }

  /** Reads what the store has now, whatever was found in it before. @throws Refusal as `of`. */
  async again(namespace: string, sha256: Uint8Array): Promise<Findings> {
    return this.inspectOnce(namespace, sha256, await this.keys.list(namespace))
  }

  /** What was found last, whatever the keys were then; null while nobody has looked. */
  async find(namespace: string, sha256: Uint8Array): Promise<Findings | null> {
    const row = await this.row(namespace, sha256)
    return row === null ? null : findFindings(row.findings)
  }

  private row(namespace: string, sha256: Uint8Array): Promise<FindingRow | null> {
    return this.database.getRepository(FindingRow).findOneBy({ namespace, sha256 })
  }

  private inspectOnce(namespace: string, sha256: Uint8Array, keys: readonly EmbeddedKey[]): Promise<Findings> {
    const name = `${namespace} ${toHex(sha256)} ${toHex(judgeOf(keys))}`
    const running = this.underWay.get(name) ?? this.inspect(namespace, sha256, keys)
    this.underWay.set(name, running)
    return running.finally(() => this.underWay.delete(name))
  }

  private async inspect(namespace: string, sha256: Uint8Array, keys: readonly EmbeddedKey[]): Promise<Findings> {
    const now = this.clock.nowSeconds()
    const rows = this.database.getRepository(FindingRow)
    let findings: Findings
    try {
      findings = await this.look(sha256, keys, now)
    } catch (error) {
      // What was found in the right bytes says nothing of others, or of none.
      if (error instanceof Refusal && (error.code === 'STORE_CORRUPT' || error.code === 'IMAGE_UNKNOWN'))
        await rows.delete({ namespace, sha256 })
      throw error
    }
    const row = { namespace, sha256, judgedBy: judgeOf(keys), findings, inspectedAt: now }
    await rows.upsert(row, ['namespace', 'sha256'])
    const { format, state, signature } = findings
    this.log.info('firmware.inspected', { namespace, sha256: toHex(sha256), format, state, signature: signature.state })
    return findings
  }

  /** @throws Refusal `IMAGE_UNKNOWN`, `STORE_CORRUPT`, `STORE_UNAVAILABLE`. */
  private async look(sha256: Uint8Array, keys: readonly EmbeddedKey[], now: number): Promise<Findings> {
    const looked = await this.firmware.withFile(sha256, (path) => this.inspector.inspect(path, keys, now))
    const { findings, sha256: found } = looked
    if (found !== toHex(sha256)) throw new Refusal('STORE_CORRUPT', { sha256: toHex(sha256), found })
    return findings
  }
}

/** Changes with the keys and with the inspector, and with nothing else. */
const judgeOf = (keys: readonly EmbeddedKey[]): Uint8Array =>
  sha256Of(concat(utf8(INSPECTOR_VERSION), ...keys.map(({ id }) => utf8(` ${id}`))))
