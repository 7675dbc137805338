import { RestError } from '@azure/storage-blob';

/** The role that lets an identity do all that the app does in an account. */
const ROLE = 'the role Storage Blob Data Contributor on the account';

/**
 * What to do where storage answered with 401 or 403, by its own code.
 * https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
 */
export function remedyFor(code: string | undefined): string {
  switch (code) {
    case 'AuthorizationPermissionMismatch':
      return `The app's identity may not do that: give it ${ROLE}. A new role can take minutes to count.`;
    case 'AuthorizationFailure':
      return `Its firewall lets nobody in from where the app runs, or the app's identity has not ${ROLE}.`;
    case 'KeyBasedAuthenticationNotPermitted':
      return 'It takes no account key: set IMAGE_STORAGE__blobServiceUri in place of a connection string, so that the app shows its identity.';
    case 'InvalidAuthenticationInfo':
      return "It does not take the app's token: the clock of one of the two is wrong, or the account belongs to another tenant than the identity.";
    default:
      return `The app's identity needs ${ROLE}; where the app has the account's key, that must be the right one, and its clock within 15 minutes of storage's.`;
  }
}

/** Storage's own code; an answer to HEAD has no body, which the SDK takes it from. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof RestError)) return undefined;
  return error.code ?? error.response?.headers.get('x-ms-error-code');
}

/** The account's host, for people: the rest of a URL may carry a signature. */
export function accountOf(error: unknown): string {
  const url = error instanceof RestError ? error.request?.url : undefined;
  return url !== undefined && URL.canParse(url) ? ` ${new URL(url).host}` : '';
}
