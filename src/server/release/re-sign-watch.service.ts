import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { parseSign1 } from '../../domain/cose/sign1.js'
import { MAX_ENVELOPE_BYTES, parseEnvelope } from '../../domain/suit/envelope.js'
import { Refusal } from '../../domain/refusal.js'
import { keyStandings, type KeyStanding } from '../../domain/trust/key-standing.js'
import type { Root } from '../../domain/trust/root.js'
import type { Caller } from '../access/caller.decorator.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { TrustService } from '../keys/trust.service.js'
import { NamespaceWatch } from '../namespace-watch.js'
import { ServerConfig } from '../server-config.js'
import { ReSignService } from './re-sign.service.js'

const LOOK_MS = 60_000

/**
 * After a manifest key was rotated, opens the re-signature of every release that is still offered, so that nothing on the shelf dies
 * with its key (trust.md §5). People approve as ever; nothing is signed by itself.
 */
@Injectable()
export class ReSignWatch extends NamespaceWatch {
  /** The newest manifest key that was dealt with, by namespace. */
  private readonly done = new Map<string, string>()

  constructor(
    config: ServerConfig,
    private readonly trust: TrustService,
    private readonly reSigns: ReSignService,
    private readonly database: DataSource,
    private readonly clock: Clock,
    log: DecisionLog,
  ) {
    super(config.namespaces, LOOK_MS, (error, namespace) => log.error('re-sign.not-opened', error, { namespace }))
  }

  protected override async lookAt(namespace: string): Promise<void> {
    const { state } = await this.trust.snapshot(namespace)
    const [newest] = keyStandings(state, undefined, this.clock.nowSeconds())
      .filter((key) => key.role === 'manifest-a' && key.state === 'active')
      .toSorted((a, b) => b.notBefore - a.notBefore)
    if (newest === undefined || this.done.get(namespace) === newest.keyId) return
    for (const { id, envelope } of await this.stillOffered(namespace))
      if (isOlder(state.root, envelope, newest)) await this.open(namespace, id)
    this.done.set(namespace, newest.keyId)
  }

  private async open(namespace: string, id: string): Promise<void> {
    const caller: Caller = { tokenId: '', namespace, roles: [], person: null, label: 'server' }
    try {
      await this.reSigns.open(namespace, id, caller)
    } catch (error) {
      // Withdrawn since: then nobody wants it signed again.
      if (!(error instanceof Refusal) || error.code !== 'STATE') throw error
    }
  }

  /** Signed releases in a rollout that is not over, and the newest of each class. */
  private stillOffered(namespace: string): Promise<{ id: string; envelope: Buffer }[]> {
    return this.database.query(
      `SELECT r.id, r.envelope FROM release r WHERE r.namespace = $1 AND r.state = 'signed' AND (
        EXISTS (SELECT 1 FROM rollout o WHERE o.ended_at IS NULL AND r.id IN (o.release_id, o.fallback_release_id))
        OR r.sequence = (SELECT max(sequence) FROM release
          WHERE namespace = $1 AND class_id = r.class_id AND state = 'signed'))
       ORDER BY r.sequence`,
      [namespace],
    )
  }
}

/** Whether the newest key became active after every listed key that signed the envelope. One that left the root is older than any. */
function isOlder(root: Root, envelope: Uint8Array, newest: KeyStanding): boolean {
  const listed = parseEnvelope(envelope).blocks.flatMap((block) => {
    const { keyId } = parseSign1(block, MAX_ENVELOPE_BYTES)
    return [root.keys.get(keyId === null ? '' : toHex(keyId))].filter((key) => key !== undefined)
  })
  const manifestA = root.roles.get('manifest-a')?.keyIds ?? []
  return listed.filter((key) => manifestA.includes(key.keyId)).every((key) => key.notBefore < newest.notBefore)
}
