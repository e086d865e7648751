import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { equalBytes, sha256, toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { parseSign1 } from '../../domain/cose/sign1.js'
import { Refusal } from '../../domain/refusal.js'
import { parseKrl } from '../../domain/trust/krl.js'
import { MAX_KRL_BYTES } from '../../domain/trust/labels.js'
import { heldPolicyOf, openPolicy } from '../../domain/trust/open-policy.js'
import type { Root } from '../../domain/trust/root.js'
import { takeKrl } from '../../domain/trust/take-krl.js'
import type { TrustState } from '../../domain/trust/trust-state.js'
import { takeRoot } from '../../domain/trust/walk-root.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { Signers } from '../signing/signer.port.js'
import { refuseOlder } from './krl-signing.service.js'
import { TrustPublication } from './trust-publication.service.js'
import { TrustStore, type TrustKind } from './trust-store.service.js'
import { TrustService } from './trust.service.js'

/** Takes in what people signed offline: roots, policies and emergency KRLs. Safe to repeat with the same bytes. */
@Injectable()
export class TrustIntake {
  constructor(
    private readonly trust: TrustService,
    private readonly store: TrustStore,
    private readonly publication: TrustPublication,
    private readonly signers: Signers,
    private readonly audit: AuditService,
    private readonly database: DataSource,
    private readonly clock: Clock,
  ) {}

  /** @returns its version. @throws Refusal `ROOT_VERSION`, `THRESHOLD_NOT_MET`, …, `SIGNER_REFUSED`, `SIGNER_UNAVAILABLE`. */
  async takeRoot(root: Uint8Array, caller: Caller): Promise<number> {
    const { namespace } = caller
    const { state, roots } = await this.trust.reload(namespace)
    const known = roots.find((row) => equalBytes(row.document, root))
    if (known !== undefined) return known.version
    const { version } = takeRoot(state, root, nativeAlgorithms).root
    const courier = await this.trust.courier(namespace)
    // The signer first: should we die after it, the same call again finds it there and goes on.
    await this.signers.importTrust(namespace, { ...courier, roots: [...courier.roots, root] })
    await this.keep('root', version, root, caller)
    return version
  }

  /** @returns its version. @throws Refusal `POLICY_*`, `THRESHOLD_NOT_MET`, …, `SIGNER_REFUSED`, `SIGNER_UNAVAILABLE`. */
  async takePolicy(policy: Uint8Array, caller: Caller): Promise<number> {
    const { namespace } = caller
    const { state, policy: stored } = await this.trust.reload(namespace)
    const held = stored === null ? null : heldPolicyOf(stored.document)
    const { version } = openPolicy(state, policy, held, this.clock.nowSeconds(), nativeAlgorithms)
    if (stored !== null && version === held?.version) {
      this.requireStanding(state, stored.document, version)
      return version
    }
    await this.signers.importTrust(namespace, { ...(await this.trust.courier(namespace)), policy })
    await this.keep('policy', version, policy, caller)
    return version
  }

  /**
   * What is stored is only ever added to, so a copy of the held policy that others signed is not kept beside it: it says the same.
   * Only after a root changed the role's holders it would say more.
   */
  private requireStanding(state: TrustState, document: Uint8Array, version: number): void {
    try {
      openPolicy(state, document, heldPolicyOf(document), this.clock.nowSeconds(), nativeAlgorithms)
    } catch (cause) {
      throw new Refusal('POLICY_LAPSED', { version }, { cause })
    }
  }

  /**
   * Takes a KRL that an emergency key signed: no quorum, no signer, for the day on which those are the problem (trust.md §3).
   * @returns its number. @throws Refusal `KEY_UNKNOWN` for a key of another role, `KRL_*`, …, `SIGNER_REFUSED`, `SIGNER_UNAVAILABLE`.
   */
  async takeEmergencyKrl(bytes: Uint8Array, caller: Caller): Promise<number> {
    const { namespace } = caller
    const { state, krl: stored } = await this.trust.reload(namespace)
    requireEmergencyKey(state.root, bytes)
    const next = takeKrl(state, bytes, this.clock.nowSeconds(), nativeAlgorithms)
    if (stored !== null && next === state) return stored.version
    requireWhole(next, bytes)
    const number = next.krl?.number ?? 0
    // The signer first: whatever it signs from now on is signed under this list.
    await this.signers.importTrust(namespace, { ...(await this.trust.courier(namespace)), krl: bytes })
    await this.keep('krl', number, bytes, caller, (manager) => refuseOlder(manager, { namespace, number }))
    return number
  }

  private async keep(
    kind: TrustKind,
    version: number,
    document: Uint8Array,
    caller: Caller,
    together: (manager: EntityManager) => Promise<void> = async () => undefined,
  ): Promise<void> {
    const { namespace } = caller
    await this.database.transaction(async (manager) => {
      if (!(await this.store.add(manager, namespace, kind, version, document))) return
      await together(manager)
      const detail = { version, sha256: toHex(sha256(document)), token: caller.tokenId }
      const actor = caller.person ?? caller.label
      await this.audit.record(manager, { namespace, actor, event: `${kind}.stored`, detail })
    })
    await this.publication.announce(namespace)
  }
}

/** Which key claims to have signed it; that it did is found when the KRL is taken. */
function requireEmergencyKey(root: Root, bytes: Uint8Array): void {
  const { keyId } = parseSign1(bytes, MAX_KRL_BYTES)
  const name = keyId === null ? '' : toHex(keyId)
  if (root.roles.get('emergency-krl')?.keyIds.includes(name) !== true)
    throw new Refusal('KEY_UNKNOWN', { keyId: name, role: 'emergency-krl' })
}

/** Devices unite what they were told; whoever comes new gets the newest list alone, so it has to say everything. */
function requireWhole(next: TrustState, bytes: Uint8Array): void {
  const { keys, manifests, floors } = parseKrl(parseSign1(bytes, MAX_KRL_BYTES).payload ?? new Uint8Array(0))
  const held = next.krl
  const requireAll = (field: string, said: number, known = 0): void => {
    if (said < known) throw new Refusal('KRL_CONTENT', { field, why: 'an entry that is held is missing' })
  }
  requireAll('keys', new Set(keys.map(({ keyId }) => keyId)).size, held?.keys.size)
  requireAll('manifests', new Set(manifests.map(({ digest }) => digest)).size, held?.manifests.size)
  for (const [classId, floor] of held?.floors ?? []) requireAll('floors', floors.get(classId) ?? 0, floor)
}
