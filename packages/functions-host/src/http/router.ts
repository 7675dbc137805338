/**
 * Which function a request is for. Paths and templates as ASP.NET Core and the Functions host treat them:
 * escapes are decoded once, except %2F; case does not matter; functions are tried in the order of their
 * names, not by how specific their routes are; a wrong method is as good as no route.
 */
import type { FunctionMetadata } from '../worker/rpc.ts';
import { triggerOf } from '../worker/rpc.ts';

export interface Route {
  readonly functionName: string;
  readonly bindingName: string;
  readonly authLevel: string;
  readonly methods: readonly string[];
  readonly template: Template;
}

export interface Match {
  readonly route: Route;
  /** Route values by parameter name; absent optional ones are left out. */
  readonly params: Readonly<Record<string, string>>;
}

interface Part {
  readonly kind: 'literal' | 'param' | 'catchAll';
  readonly text: string;
  readonly optional: boolean;
  /** `{name:int}` matches whole numbers only. */
  readonly isInt: boolean;
}
type Template = readonly Part[];

/** Throws for templates it does not know how to match, rather than match them wrongly. */
function parseTemplate(template: string): Template {
  return template
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment): Part => {
      if (!segment.includes('{')) return { kind: 'literal', text: segment, optional: false, isInt: false };
      const parameter = /^\{(\*{0,2})(\w+)(:int)?(\?)?\}$/.exec(segment);
      if (parameter === null) {
        throw new Error(`The local host does not support the route segment '${segment}' of '${template}'.`);
      }
      const catchAll = parameter[1] !== '';
      return {
        kind: catchAll ? 'catchAll' : 'param',
        text: parameter[2] ?? '',
        optional: parameter[4] !== undefined || catchAll,
        isInt: parameter[3] !== undefined,
      };
    });
}

/** Routes of all HTTP functions, in the order they are tried. `warn` hears of those the real host does not load. */
export function createRoutes(
  functions: readonly FunctionMetadata[],
  routePrefix: string,
  warn: (message: string) => void,
): Route[] {
  const routes: Route[] = [];
  for (const fn of [...functions].sort((a, b) => compare(a.name.toLowerCase(), b.name.toLowerCase()))) {
    const { name: bindingName, binding } = triggerOf(fn);
    if (binding.type.toLowerCase() !== 'httptrigger') continue;
    const route = ((binding.route as string | undefined) ?? fn.name).replace(/^\/+/, '');
    if (/^(admin|runtime)/i.test(route)) {
      warn(`The function '${fn.name}' is not loaded: its route '${route}' begins with a reserved word.`);
      continue;
    }
    routes.push({
      functionName: fn.name,
      bindingName,
      authLevel: ((binding.authLevel as string | undefined) ?? 'function').toLowerCase(),
      methods: ((binding.methods as string[] | undefined) ?? []).map((method) => method.toUpperCase()),
      template: parseTemplate(routePrefix === '' ? route : `${routePrefix}/${route}`),
    });
  }
  return routes;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The path decoded once (%2F apart), without dot segments. Begins with a slash. */
export function decodePath(rawPath: string): string {
  const decoded = rawPath.replace(/(%[0-9a-f]{2})+/gi, (escapes) =>
    escapes.split(/(%2f)/i).map(decodeRun).join(''),
  );
  const segments: string[] = [];
  for (const segment of decoded.split('/').slice(1)) {
    if (segment === '..') segments.pop();
    else if (segment !== '.') segments.push(segment);
  }
  if (/\/\.\.?$/.test(decoded)) segments.push('');
  return `/${segments.join('/')}`;
}

function decodeRun(run: string): string {
  if (/^%2f$/i.test(run)) return run;
  try {
    return decodeURIComponent(run);
  } catch {
    return run;
  }
}

/** What request.url shows of a decoded path: with streams, an escape that was left is escaped again. */
export function encodePath(path: string, escapeAgain: boolean): string {
  const encoded = encodeURI(path).replace(/[?#]/g, encodeURIComponent);
  return escapeAgain ? encoded : encoded.replace(/%25(?=[0-9a-f]{2})/gi, '%');
}

export function findRoute(routes: readonly Route[], method: string, path: string): Match | undefined {
  for (const route of routes) {
    if (route.methods.length > 0 && !route.methods.includes(method)) continue;
    const params = matchTemplate(route.template, path);
    if (params !== undefined) return { route, params };
  }
  return undefined;
}

function matchTemplate(template: Template, path: string): Record<string, string> | undefined {
  const segments = path.slice(1).split('/');
  const params: Record<string, string> = {};
  for (const [index, part] of template.entries()) {
    if (part.kind === 'catchAll') {
      const rest = segments.slice(index).join('/');
      if (rest !== '') params[part.text] = rest;
      return params;
    }
    const segment = segments[index] ?? '';
    if (segment === '') {
      if (!part.optional) return undefined;
    } else if (part.kind === 'literal') {
      if (segment.toLowerCase() !== part.text.toLowerCase()) return undefined;
    } else {
      if (part.isInt && !/^-?\d+$/.test(segment)) return undefined;
      params[part.text] = segment;
    }
  }
  // One trailing slash is forgiven.
  const rest = segments.slice(template.length);
  return rest.length === 0 || (rest.length === 1 && rest[0] === '') ? params : undefined;
}
