import type { UpdateAnswer } from '../src/protocol/device-http.js'

/** How and when to act on an offer; an answer without any means: at once. */
export type OfferTerms = Pick<UpdateAnswer, 'mode' | 'installWindow'>

export const termsOf = ({ mode, installWindow }: UpdateAnswer): OfferTerms => ({
  ...(mode === undefined ? {} : { mode }),
  ...(installWindow === undefined ? {} : { installWindow }),
})

/** Whether the slot may be switched now. @param now seconds since the epoch, by the device's own judgement. */
export function mayInstall({ mode, installWindow }: OfferTerms, now: number): boolean {
  if (mode === 'download-only') return false
  if (installWindow === undefined) return true
  return installWindow.from <= now && (installWindow.to === 0 || now < installWindow.to)
}

/** When it is worth asking again; null when no window is named, or it is open. */
export function installsAt({ mode, installWindow }: OfferTerms, now: number): number | null {
  if (mode === 'download-only' || installWindow === undefined || installWindow.from <= now) return null
  return installWindow.from
}
