/** Clocks of devices and brokers are not the signer's: what holds from now on is dated this much earlier, in seconds. */
export const EARLIER_SECONDS = 300
