/** Where an S3-compatible store is and how to speak to it. */
export interface S3Config {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** `https://store/bucket/key` instead of `https://bucket.store/key`. */
  readonly isPathStyle: boolean
  /** How devices reach the store; null: they get their bytes from the server. */
  readonly downloadEndpoint: string | null
}
