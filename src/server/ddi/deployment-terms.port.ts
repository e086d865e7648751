import type { Mode } from './ddi-target.js'

/** How a rollout wants a deployment carried out on one device, now. */
export interface Terms {
  readonly mode: Mode
  /** Hours in which the device may install: null for always. */
  readonly window: 'open' | 'closed' | null
  /** When what is shut opens; seconds since the epoch, null for what is not shut. */
  readonly opensAt: number | null
  /** Hours in which it may download. */
  readonly mayDownload: boolean
  /** Its hours will not come any more. */
  readonly isLapsed: boolean
  /** The device is to ask somebody first. */
  readonly needsConsent: boolean
}

export abstract class DeploymentTerms {
  abstract find(namespace: string, rolloutId: string, deviceId: string): Promise<Terms>
}
