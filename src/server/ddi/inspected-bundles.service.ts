import { Injectable } from '@nestjs/common'
import { Refusal } from '../../domain/refusal.js'
import { FindingsService } from '../intake/inspection/findings.service.js'
import { BundleVerdict, type BundleState } from './bundle-verdict.port.js'

/** What the inspector found, by the keys that the namespace has registered today. */
@Injectable()
export class InspectedBundles extends BundleVerdict {
  constructor(private readonly findings: FindingsService) {
    super()
  }

  /** A bundle that nobody could look into now, because its store is away, is not judged yet. */
  override async judge(namespace: string, imageSha256: Uint8Array): Promise<BundleState> {
    try {
      const { state, signature } = await this.findings.of(namespace, imageSha256)
      return state === 'whole' && signature.state === 'verified' ? 'verified' : 'unverified'
    } catch (error) {
      if (error instanceof Refusal) return 'unknown'
      throw error
    }
  }
}
