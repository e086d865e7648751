import { Injectable } from '@nestjs/common'
import { toHex } from '../../domain/bytes.js'
import { DeviceClasses } from '../rollout/device-classes.service.js'
import { ReleaseShelf, type ShelvedRelease } from '../rollout/release-shelf.service.js'
import { unknownAction, type ActionRecord } from './action-record.js'
import { ArtifactFactsService } from './artifact-facts.service.js'
import { isCancelling, type DdiTarget } from './ddi-target.js'
import type { DdiArtifact, DdiChunk } from './deployment-answer.js'
import { DeploymentTerms, type Terms } from './deployment-terms.port.js'
import { LegacyGate } from './legacy-gate.service.js'
import { Tenants } from './tenants.service.js'

/** What a client gets of an action: the release it is about, judged anew each time it asks. */
export interface Offer {
  readonly release: ShelvedRelease
  readonly terms: Terms
  readonly chunk: DdiChunk
  readonly artifact: Omit<DdiArtifact, 'href' | 'isHttps'>
}

@Injectable()
export class OfferDesk {
  constructor(
    private readonly gate: LegacyGate,
    private readonly releases: ReleaseShelf,
    private readonly terms: DeploymentTerms,
    private readonly artifacts: ArtifactFactsService,
    private readonly classes: DeviceClasses,
    private readonly tenants: Tenants,
  ) {}

  /** @throws Refusal `NOT_FOUND` for what the client may not have now: cancelled, or withheld by the gate. */
  async require(target: DdiTarget, action: ActionRecord): Promise<Offer> {
    const answer = isCancelling(action) ? null : await this.gate.judge(target, { ...action, action: action.id })
    if (answer === null || 'code' in answer) throw unknownAction(action)
    return this.describe(target, action, answer.release)
  }

  /** What was installed once; only to be read about, whatever became of the right to have it. @throws Refusal `NOT_FOUND`. */
  async requireInstalled(target: DdiTarget, action: ActionRecord): Promise<Offer> {
    const hasEnded = action.outcome === 'finished' || action.outcome === 'downloaded'
    const release = hasEnded ? await this.releases.findByManifest(target.namespace, action.manifestSha256) : null
    if (release === null) throw unknownAction(action)
    return this.describe(target, action, release)
  }

  private async describe(target: DdiTarget, action: ActionRecord, release: ShelvedRelease): Promise<Offer> {
    const { sha1, md5, ending } = await this.artifacts.of(target.namespace, release.imageSha256)
    return {
      release,
      terms: await this.termsOf(target, action),
      chunk: {
        part: this.tenants.settingsOf(target.namespace).part,
        version: release.version,
        name: this.classes.findName(target.namespace, target.classId) ?? toHex(target.classId),
      },
      artifact: {
        filename: `firmware-${release.version}.${ending}`,
        sha1,
        md5,
        sha256: toHex(release.imageSha256),
        sizeBytes: release.imageSizeBytes,
      },
    }
  }

  termsOf(target: DdiTarget, { rolloutId }: ActionRecord): Promise<Terms> {
    return this.terms.find(target.namespace, rolloutId, target.deviceId)
  }

  /** Whether the client still has to be asked. */
  async awaitsConsent(target: DdiTarget, action: ActionRecord): Promise<boolean> {
    if (action.consent === 'given' || action.outcome !== null || isCancelling(action)) return false
    return (await this.termsOf(target, action)).needsConsent
  }
}
