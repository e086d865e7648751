import { expect } from '@jest/globals'
import type { Refusal, RefusalCode } from '../../src/domain/refusal.js'

/** A refusal as it comes out of the socket: the signer's code and the number of its check. */
export const refusedBySigner = (code: RefusalCode, check: number): Refusal =>
  expect.objectContaining({ name: 'Refusal', code: 'SIGNER_REFUSED', detail: { code, check } }) as unknown as Refusal
