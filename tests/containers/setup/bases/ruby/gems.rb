# Packs gems that Debian has installed, compiled parts included, into files that Bundler takes as those of a gem server.
require "fileutils"
require "rubygems/package"
require "tmpdir"

FOLDER = ARGV.shift

ARGV.each do |name|
  spec = Gem::Specification.find_by_name(name)
  Dir.mktmpdir do |place|
    if Dir.exist?(spec.full_gem_path)
      FileUtils.cp_r("#{spec.full_gem_path}/.", place)
    else
      FileUtils.mkdir("#{place}/lib")
      FileUtils.cp_r(Dir["/usr/lib/ruby/vendor_ruby/#{name}{,.rb}"], "#{place}/lib")
    end
    compiled = spec.extensions.any? && Dir.exist?(spec.extension_dir)
    FileUtils.cp_r("#{spec.extension_dir}/.", "#{place}/lib") if compiled
    Dir.chdir(place) do
      packed = Gem::Specification.new do |gem|
        %i[name version summary authors homepage license bindir executables require_paths].each do |field|
          gem.public_send("#{field}=", spec.public_send(field))
        end
        spec.runtime_dependencies.each { |other| gem.add_dependency(other.name, *other.requirement.as_list) }
        gem.files = Dir["**/*"].select { |path| File.file?(path) }
        gem.executables = gem.executables.select { |file| File.exist?("#{gem.bindir}/#{file}") }
      end
      Gem::Package.build(packed, true, false, "#{FOLDER}/#{packed.full_name}.gem")
    end
  end
end
