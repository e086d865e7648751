import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { equalBytes, sha256, toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { openPolicy } from '../../domain/trust/open-policy.js'
import { sha256Hex } from '../../domain/trust/trust-state.js'
import { takeRoot } from '../../domain/trust/walk-root.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { Signers } from '../signing/signer.port.js'
import { TrustPublication } from './trust-publication.service.js'
import { TrustStore, type TrustKind } from './trust-store.service.js'
import { TrustService } from './trust.service.js'

/** Takes in what people signed offline: roots and policies. Safe to repeat with the same bytes. */
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
    const held = stored === null ? null : { version: stored.version, sha256: sha256Hex(stored.document) }
    const { version } = openPolicy(state, policy, held, this.clock.nowSeconds(), nativeAlgorithms)
    if (version === held?.version) return version
    await this.signers.importTrust(namespace, { ...(await this.trust.courier(namespace)), policy })
    await this.keep('policy', version, policy, caller)
    return version
  }

  private async keep(kind: TrustKind, version: number, document: Uint8Array, caller: Caller): Promise<void> {
    const { namespace } = caller
    await this.database.transaction(async (manager) => {
      if (!(await this.store.add(manager, namespace, kind, version, document))) return
      const detail = { version, sha256: toHex(sha256(document)), token: caller.tokenId }
      const actor = caller.person ?? caller.label
      await this.audit.record(manager, { namespace, actor, event: `${kind}.stored`, detail })
    })
    await this.publication.announce(namespace)
  }
}
