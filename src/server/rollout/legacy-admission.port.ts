/** Why a client that verifies nothing of ours is not given a release. */
export type LegacyRefusal = 'LEGACY_CLIENT_REFUSED' | 'BUNDLE_UNVERIFIED'

/** Devices that verify none of our documents: whether they may have a release is for the signed policy, and for their bundle, to say. */
export abstract class LegacyAdmission {
  /**
   * What stands in the way of this image for all of them of a class, as far as it would not go away by itself.
   * @param imageSha256 32 bytes. @returns null when nothing does, or when it cannot be said now.
   */
  abstract findRefusal(namespace: string, classId: Uint8Array, imageSha256: Uint8Array): Promise<LegacyRefusal | null>
}
