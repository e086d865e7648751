/** Whether somebody has to look into an answer. Sending polls away is what a server is to do that has too much to do. */
export const isFailure = ({ status, code }: { readonly status: number; readonly code: string }): boolean =>
  status >= 500 && code !== 'OVERLOADED'
