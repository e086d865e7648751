/** `unverified`: looked at, and no registered key has signed it. `unknown`: it cannot be looked at now. */
export type BundleState = 'verified' | 'unverified' | 'unknown'

/** What is known of the signature inside a bundle (CMS of a `.swu` or a RAUC bundle, an image's own TLVs). */
export abstract class BundleVerdict {
  abstract judge(namespace: string, imageSha256: Uint8Array): Promise<BundleState>
}
