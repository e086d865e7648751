import type { Mode } from './ddi-target.js'

/** How a rollout wants a deployment carried out on one device, now. */
export interface Terms {
  readonly mode: Mode
  /** Hours in which the device may install: null for always. */
  readonly window: 'open' | 'closed' | null
  /** The device is to ask somebody first. */
  readonly needsConsent: boolean
}

export abstract class DeploymentTerms {
  abstract find(namespace: string, rolloutId: string, deviceId: string): Promise<Terms>
}

/** Rollouts that know no modes and no windows: everything at once. */
export class AlwaysForced extends DeploymentTerms {
  override find(): Promise<Terms> {
    return Promise.resolve({ mode: 'forced', window: null, needsConsent: false })
  }
}
