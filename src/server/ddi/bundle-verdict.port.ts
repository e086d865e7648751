/** What is known of the signature inside a bundle (CMS of a `.swu` or a RAUC bundle, an image's own TLVs). */
export abstract class BundleVerdict {
  /** Whether it was verified with a key that the namespace registered. Not looked at is not verified. */
  abstract isVerified(namespace: string, imageSha256: Uint8Array): Promise<boolean>
}

/** Where nothing looks into bundles: only a waiver of the policy lets one through. */
export class NothingVerified extends BundleVerdict {
  override isVerified(): Promise<boolean> {
    return Promise.resolve(false)
  }
}
