/** One of the two places for firmware. */
export type SlotIndex = 0 | 1

export const otherSlot = (slot: SlotIndex): SlotIndex => (slot === 0 ? 1 : 0)

/** What an accepted manifest says of the image that goes into a slot. */
export interface SlotImage {
  /** SUIT digest of the manifest, 32 bytes. */
  readonly manifestSha256: Uint8Array
  readonly sequence: number
  /** 32 bytes. */
  readonly imageSha256: Uint8Array
  readonly imageSizeBytes: number
  /** The rollout that brought it; reports name it. */
  readonly rolloutId: string
}
