import {
  ComponentType,
  ExternalReferenceType,
  HashAlgorithm,
  LicenseAcknowledgement,
} from '@cyclonedx/cyclonedx-library/Enums';
import {
  Bom,
  Component,
  ExternalReference,
  HashDictionary,
  LicenseExpression,
  Metadata,
  OrganizationalContact,
  SpdxLicense,
} from '@cyclonedx/cyclonedx-library/Models';
import { JSON as Json, JsonSerializer } from '@cyclonedx/cyclonedx-library/Serialize';
import { Spec1dot6 } from '@cyclonedx/cyclonedx-library/Spec';
import { isSupportedSpdxId } from '@cyclonedx/cyclonedx-library/SPDX';
import { JsonStrictValidator } from '@cyclonedx/cyclonedx-library/Validation';
import type { BundledPackage } from './bundledPackages.ts';

export interface BillOfMaterialsSubject {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** An SPDX id. */
  readonly license: string;
  /** When the sources were committed; left out where nobody knows, so that the same sources give the same bytes. */
  readonly committed?: Date | undefined;
}

/**
 * A CycloneDX 1.6 document (https://cyclonedx.org/docs/1.6/json/) of exactly what is in the bundle. A package that is
 * installed twice is a component twice, as it is in the bundle.
 * @param direct folders of the packages that the app's own files import
 * @returns JSON, the same for the same input
 */
export function billOfMaterials(
  subject: BillOfMaterialsSubject,
  packages: readonly BundledPackage[],
  direct: readonly string[],
): string {
  const components = new Map(packages.map((bundled) => [bundled.folder, componentOf(bundled)]));
  const link = (component: Component | undefined, folders: readonly string[]): void => {
    for (const folder of folders) {
      const other = components.get(folder);
      if (other !== undefined) component?.dependencies.add(other.bomRef);
    }
  };
  for (const { folder, imports } of packages) link(components.get(folder), imports);

  const { name, version, description, license, committed } = subject;
  const app = new Component(ComponentType.Application, name, {
    bomRef: purl(name, version),
    version,
    description,
    purl: purl(name, version),
  });
  app.licenses.add(declared(license));
  link(app, direct);
  const metadata = new Metadata({ component: app, ...(committed !== undefined && { timestamp: committed }) });
  metadata.authors.add(new OrganizationalContact({ name: `The ${name} authors` }));
  const bom = new Bom({ metadata });
  for (const component of components.values()) bom.components.add(component);

  const json = new JsonSerializer(new Json.Normalize.Factory(Spec1dot6)).serialize(bom, {
    sortLists: true,
    space: 1,
  });
  return `${json}\n`;
}

/** @throws where a document does not meet CycloneDX's schema */
export async function checkBillOfMaterials(json: string): Promise<void> {
  const invalid: unknown = await new JsonStrictValidator(Spec1dot6.version).validate(json);
  if (invalid !== null)
    throw new Error(`The bill of materials is not valid CycloneDX: ${JSON.stringify(invalid)}`);
}

function componentOf({ folder, name: fullName, version, license, integrity }: BundledPackage): Component {
  const slash = fullName.indexOf('/');
  const component = new Component(ComponentType.Library, fullName.slice(slash + 1), {
    // Not the package URL, which two installations of one version share.
    bomRef: folder,
    ...(slash !== -1 && { group: fullName.slice(0, slash) }),
    version,
    purl: purl(fullName, version),
  });
  component.licenses.add(declared(license));
  // Of the tarball that it came in: what a component's own `hashes` would be about is not in the bundle as such.
  component.externalReferences.add(
    new ExternalReference(tarball(fullName, version), ExternalReferenceType.Distribution, {
      hashes: new HashDictionary([[HashAlgorithm['SHA-512'], sha512(folder, integrity)]]),
    }),
  );
  return component;
}

function declared(license: string): SpdxLicense | LicenseExpression {
  const found = isSupportedSpdxId(license) ? new SpdxLicense(license) : new LicenseExpression(license);
  found.acknowledgement = LicenseAcknowledgement.Declared;
  return found;
}

/** https://github.com/package-url/purl-spec/blob/main/types-doc/npm-definition.md */
function purl(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(version)}`;
}

/** Where npm's registry has every package. */
function tarball(name: string, version: string): string {
  return `https://registry.npmjs.org/${name}/-/${name.slice(name.indexOf('/') + 1)}-${version}.tgz`;
}

function sha512(folder: string, integrity: string): string {
  const base64 = /^sha512-([\w+/]{86}==)$/.exec(integrity)?.[1];
  if (base64 === undefined)
    throw new Error(`package-lock.json has "${integrity}" for ${folder}; it must be one sha512.`);
  return Buffer.from(base64, 'base64').toString('hex');
}
