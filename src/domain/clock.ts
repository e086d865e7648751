/** Where "now" comes from. Read once per decision and passed down. */
export abstract class Clock {
  /** Seconds since the Unix epoch, whole. */
  abstract nowSeconds(): number
}
