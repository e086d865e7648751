import { readFileSync } from 'node:fs'
import { Injectable, type OnModuleInit } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { equalBytes, sha256, toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { nativeAlgorithms, type AlgorithmTable } from '../../domain/cose/algorithms.js'
import { Refusal } from '../../domain/refusal.js'
import { openPolicy } from '../../domain/trust/open-policy.js'
import type { Policy } from '../../domain/trust/policy.js'
import type { RevokedKeys } from '../../domain/trust/signed-document.js'
import { anchorState, revokedKeysOf } from '../../domain/trust/trust-state.js'
import type { TrustCourier } from '../../protocol/signer-socket.js'
import { AuditService } from '../audit/audit.service.js'
import type { NamespaceConfig } from '../namespace-config.js'
import { ServerConfig } from '../server-config.js'
import { followSnapshot, type TrustSnapshot } from './trust-snapshot.js'
import { TrustStore } from './trust-store.service.js'

/** How old a snapshot may be on an instance that did not make the change itself. */
const SNAPSHOT_MS = 500

/** What checks of people's signatures need: the policy, valid now, under the newest root and KRL. */
export interface PeopleContext {
  readonly policy: Policy
  readonly allowed: readonly number[]
  readonly revoked: RevokedKeys
  readonly now: number
  readonly algorithms: AlgorithmTable
}

/** What is believed about each namespace, for every module that judges or hands out documents. */
@Injectable()
export class TrustService implements OnModuleInit {
  private readonly snapshots = new Map<string, { readonly made: number; readonly snapshot: Promise<TrustSnapshot> }>()
  /** What was read last, and when that was begun. */
  private readonly latest = new Map<string, { readonly made: number; readonly snapshot: TrustSnapshot }>()

  constructor(
    private readonly config: ServerConfig,
    private readonly database: DataSource,
    private readonly store: TrustStore,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** A namespace that is new to the database starts from its root file. */
  async onModuleInit(): Promise<void> {
    for (const each of this.config.namespaces) await this.anchor(each)
  }

  /** @throws Refusal `NOT_FOUND` for a namespace that is not configured. */
  requireNamespace(namespace: string): NamespaceConfig {
    const found = this.config.namespaces.find((each) => each.namespace === namespace)
    if (found === undefined) throw new Refusal('NOT_FOUND', { what: 'namespace', id: namespace.slice(0, 65) })
    return found
  }

  /** Everything verified that is known now; at most half a second behind another instance. Costs no query in between. */
  snapshot(namespace: string): Promise<TrustSnapshot> {
    this.requireNamespace(namespace)
    const held = this.snapshots.get(namespace)
    if (held !== undefined && performance.now() - held.made < SNAPSHOT_MS) return held.snapshot
    return this.reload(namespace)
  }

  /** What `snapshot` would give, at once; null when nothing was read within the last second. Keeps itself new while it is asked. */
  peek(namespace: string): TrustSnapshot | null {
    const latest = this.latest.get(namespace)
    if (latest === undefined) return null
    const age = performance.now() - latest.made
    if (age >= SNAPSHOT_MS) this.snapshot(namespace).catch(() => undefined)
    return age < 2 * SNAPSHOT_MS ? latest.snapshot : null
  }

  /** Reads again at once; for whoever has just changed something. */
  reload(namespace: string): Promise<TrustSnapshot> {
    const before = this.snapshots.get(namespace)?.snapshot
    const snapshot = Promise.all([this.store.read(namespace), before?.catch(() => null) ?? null]).then(
      ([stored, held]) => followSnapshot(namespace, held, stored),
    )
    const made = performance.now()
    this.snapshots.set(namespace, { made, snapshot })
    const note = (read: TrustSnapshot): void => {
      if (made >= (this.latest.get(namespace)?.made ?? 0)) this.latest.set(namespace, { made, snapshot: read })
    }
    snapshot.then(note, () => undefined)
    // A failure is the caller's to see, and the next caller's to try again.
    snapshot.catch(() => this.snapshots.delete(namespace))
    return snapshot
  }

  /** @throws Refusal `STATE` while there is no policy, `POLICY_EXPIRED`, and what else opening it refuses. */
  async peopleContext(namespace: string): Promise<PeopleContext> {
    const { state, policy: stored } = await this.snapshot(namespace)
    if (stored === null)
      throw new Refusal('STATE', { what: 'namespace', state: 'without policy', wanted: 'with policy' })
    const now = this.clock.nowSeconds()
    const policy = openPolicy(state, stored.document, null, now, nativeAlgorithms)
    const { algorithms: allowed } = state.root
    return { policy, allowed, revoked: revokedKeysOf(state), now, algorithms: nativeAlgorithms }
  }

  /** What every request to a signer carries along. */
  async courier(namespace: string): Promise<TrustCourier> {
    const { roots, policy, krl } = await this.snapshot(namespace)
    return {
      roots: roots.map((row) => row.document),
      policy: policy?.document ?? null,
      krl: krl?.document ?? null,
    }
  }

  private async anchor({ namespace, rootFile }: NamespaceConfig): Promise<void> {
    const bytes = readRoot(namespace, rootFile)
    const { roots } = await this.store.read(namespace)
    const [first] = roots
    if (first !== undefined) {
      // Another root under the same name would be another trust altogether: that is nobody's typing error to guess.
      if (equalBytes(first.document, bytes)) return
      throw new Refusal('CONFIGURATION', {
        name: `rootFile of ${namespace}`,
        why: 'not the root this database began with',
      })
    }
    await this.database.transaction(async (manager) => {
      if (!(await this.store.add(manager, namespace, 'root', 1, bytes))) return
      const detail = { version: 1, sha256: toHex(sha256(bytes)) }
      await this.audit.record(manager, { namespace, actor: 'server', event: 'root.anchored', detail })
    })
  }
}

function readRoot(namespace: string, path: string): Uint8Array {
  const refuse = (why: string, cause: unknown): Refusal =>
    new Refusal('CONFIGURATION', { name: `rootFile of ${namespace}`, why }, { cause })
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (error) {
    throw refuse('cannot be read', error)
  }
  try {
    const { root } = anchorState(bytes, nativeAlgorithms)
    if (root.namespace === namespace && root.version === 1) return bytes
  } catch (error) {
    throw refuse('not a root that its own holders signed', error)
  }
  throw refuse('not root 1 of this namespace', undefined)
}
